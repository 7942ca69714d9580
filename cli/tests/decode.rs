//! `margay decode`: the input formats, and the output for each.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const KEEPALIVE: &str = "ffffffffffffffffffffffffffffffff 0013 04";

/// 10.0.0.0/24 with ORIGIN, AS_PATH 65001, NEXT_HOP 192.0.2.1, and further attributes.
fn update(more: &str) -> String {
    let attributes = format!("40010100 40020602010000fde9 400304c0000201 {more}").replace(' ', "");
    let length = attributes.len() / 2;
    format!("ffffffffffffffffffffffffffffffff {:04x} 02 0000 {length:04x} {attributes} 180a0000", length + 27)
}

fn decode(words: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_margay"))
        .arg("decode")
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    text(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn hexadecimal_digits_become_text_for_people() {
    let input = format!("# two messages\n{KEEPALIVE}\n{}", update("c00804fde80001 40060100"));
    let output = decode(&[], input.as_bytes());
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        text(&output),
        "\
KEEPALIVE, 19 octets: ok
UPDATE, 58 octets: attribute-discard
  ATOMIC_AGGREGATE has a wrong length: attribute discarded
  as_path: 65001
  communities: 65000:1
  next_hop: 192.0.2.1
  nlri: 10.0.0.0/24
  origin: IGP
"
    );
}

#[test]
fn a_message_that_closes_the_session_says_with_what() {
    let output = decode(&["--format", "hex", "-"], b"ffffffffffffffffffffffffffffffff 0013 09");
    assert_eq!(output.status.code(), Some(1));
    let expected = "message, 19 octets: session-reset\n  message type 9 is not recognised\n  answer: message header \
                    error: bad message type\n";
    assert_eq!(text(&output), expected);
}

#[test]
fn json_has_the_fields_of_an_update() {
    let more = "800404 00000007 40050400000064 c00804fde80001 c0200c0000fde80000000100000002 80090401020304 \
                800a080a0000010a000002 c02304 0000fde9";
    let ipv6 = "800e1a 0002 01 10 20010db8000000000000000000000001 00 20 20010db8";
    let ipv6_gone = "800f08 0002 01 20 20010db9";
    let input = update(&format!("{more} {ipv6} {ipv6_gone}"));
    let [answer] = &lines(&decode(&["--json"], input.as_bytes()))[..] else { panic!("one message") };
    let message = json!({
        "type": "update",
        "withdrawn": [],
        "nlri": ["10.0.0.0/24"],
        "origin": "IGP",
        "as_path": [["AsSequence", [65001]]],
        "next_hop": "192.0.2.1",
        "med": 7,
        "local_pref": 100,
        "communities": ["65000:1"],
        "large_communities": ["65000:1:2"],
        "originator_id": "1.2.3.4",
        "cluster_list": ["10.0.0.1", "10.0.0.2"],
        "otc": 65001,
        "mp_reach": {"afi": 2, "safi": 1, "next_hop": "2001:db8::1", "nlri": ["2001:db8::/32"]},
        "mp_unreach": {"afi": 2, "safi": 1, "nlri": ["2001:db9::/32"]},
    });
    assert_eq!(answer["message"], message);
    assert_eq!((&answer["verdict"], &answer["notification"]), (&json!("ok"), &Value::Null));
}

#[test]
fn a_line_of_json_is_answered_by_a_line() {
    let line =
        |id: &str, hex: String, context: Value| json!({"id": id, "hex": hex, "context": context}).to_string();
    let local_pref = "40050400000064";
    let long_origin = "ffffffffffffffffffffffffffffffff 0030 02 0000 0015 4001020000 40020602010000fde9 400304c0000201 \
                       180a0000";
    let input = [
        line("internal", update(local_pref), json!({"as4": true, "peer": "ibgp", "addpath": false})),
        line("external", update(local_pref), json!({"as4": true, "peer": "ebgp", "extmsg": true})),
        line("two octets", update(""), json!({"as4": false})),
        line("path ids", update(""), json!({"addpath": true})),
        line("bad type", KEEPALIVE.replace("0013 04", "0013 07"), json!({})),
        line("origin", long_origin.to_owned(), json!({})),
        "{\"id\": 7, \"hex\": \"0\"}".to_owned(),
        "{\"id\": 8}".to_owned(),
        "{}garbage".to_owned(),
        line("peer", update(""), json!({"peer": "friend"})),
        String::new(),
    ];
    let output = decode(&["--format", "jsonl"], input.join("\n").as_bytes());
    let answers = lines(&output);
    let told = |answer: &Value| {
        (answer["id"].clone(), answer["verdict"].clone(), answer["attributes_discarded"].clone())
    };
    let expected = [
        ("internal", "ok", json!([])),
        ("external", "attribute-discard", json!([5])),
        ("two octets", "treat-as-withdraw", json!([])),
        ("path ids", "session-reset", json!([])),
        ("bad type", "session-reset", json!([])),
        ("origin", "treat-as-withdraw", json!([])),
    ];
    for (answer, (id, verdict, discarded)) in answers.iter().zip(expected) {
        assert_eq!(told(answer), (json!(id), json!(verdict), discarded), "{answer}");
    }
    let notification =
        |answer: &Value| (answer["notification"]["code"].clone(), answer["notification"]["subcode"].clone());
    assert_eq!(notification(&answers[3]), (json!(3), json!(10)));
    assert_eq!(notification(&answers[4]), (json!(1), json!(3)));
    assert_eq!(answers[5]["message"]["nlri"], json!(["10.0.0.0/24"]));
    assert_eq!(answers.len(), 10);
    for (answer, id) in answers[6..].iter().zip([json!(7), json!(8), Value::Null, json!("peer")]) {
        assert!(answer["id"] == id && answer["error"].is_string(), "{answer}");
    }
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_context_of_a_line_sets_the_terms() {
    let line = |hex: &str, context: Value| json!({"id": "x", "hex": hex, "context": context}).to_string();
    // 4,096 octets and one more, of withdrawn /24s and a /16.
    let withdrawals = |octets: usize| {
        let routes = octets - 23;
        let (last, count) = (routes % 4, routes / 4);
        let nlri = "180a0000".repeat(count) + ["", "00", "0000", "100a00"][last];
        format!("{}{octets:04x}02{routes:04x}{nlri}0000", "ff".repeat(16))
    };
    let path_ids = "ffffffffffffffffffffffffffffffff 0033 02 0000 0014 40010100 40020602010000fde9 400304c0000201 \
                    000000ff180a0000";
    let two_octets = "ffffffffffffffffffffffffffffffff 002d 02 0000 0012 40010100 4002040201fde9 400304c0000201 \
                      180a0000";
    let cluster_list = update("800a04 0a000001");
    let rows = [
        (withdrawals(4096), json!({"extmsg": false}), "ok", Value::Null),
        (withdrawals(4097), json!({"extmsg": false}), "session-reset", json!([1, 2])),
        (withdrawals(4097), json!({"extmsg": true}), "ok", Value::Null),
        (withdrawals(65535), json!({"extmsg": true}), "ok", Value::Null),
        (path_ids.to_owned(), json!({"addpath": true}), "ok", Value::Null),
        (path_ids.to_owned(), json!({"addpath": false}), "session-reset", json!([3, 10])),
        (two_octets.to_owned(), json!({"as4": false}), "ok", Value::Null),
        (two_octets.to_owned(), json!({"as4": true}), "treat-as-withdraw", Value::Null),
        (cluster_list.clone(), json!({"peer": "ibgp"}), "ok", Value::Null),
        (cluster_list, json!({"peer": "ebgp"}), "attribute-discard", Value::Null),
        (KEEPALIVE.to_uppercase(), json!({}), "ok", Value::Null),
        (KEEPALIVE.replace(" 0013", " 0014"), json!({}), "session-reset", json!([1, 2])),
        (KEEPALIVE.replace("ff ", "fe "), json!({}), "session-reset", json!([1, 1])),
    ];
    let input: Vec<String> = rows.iter().map(|(hex, context, ..)| line(hex, context.clone())).collect();
    let output = decode(&["--format", "jsonl"], input.join("\r\n\r\n").as_bytes());
    let answers = lines(&output);
    assert_eq!((answers.len(), output.status.code()), (rows.len(), Some(0)));
    for ((hex, context, verdict, notification), answer) in rows.iter().zip(&answers) {
        let numbers = |told: &Value| json!([told["code"], told["subcode"]]);
        let told = &answer["notification"];
        let told = if told.is_null() { Value::Null } else { numbers(told) };
        assert_eq!((&answer["verdict"], &told), (&json!(verdict), notification), "{context} {:.60}", hex);
        assert_eq!(answer["message"].is_null(), *verdict == "session-reset", "{answer}");
    }
    assert_eq!(answers[4]["message"]["nlri"], json!(["255:10.0.0.0/24"]));
    assert_eq!(answers[6]["message"]["as_path"], json!([["AsSequence", [65001]]]));
    assert_eq!(answers[3]["message"]["withdrawn"].as_array().unwrap().len(), 16378);
}

#[test]
fn a_stream_that_ends_early_says_what_is_left() {
    let whole = [&[0xff; 16][..], &[0, 19, 4]].concat();
    let output = decode(&["--format", "raw"], &[&whole[..], &whole[..7]].concat());
    assert_eq!(
        text(&output),
        "KEEPALIVE, 19 octets: ok\nnot read: the last 7 octets are not a whole message\n"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_file_that_is_not_what_was_said_is_an_error() {
    for (words, expected) in [
        (&["--format", "pcap"][..], "neither a pcap nor a pcapng"),
        (&["--format", "mrt"], "ends inside a record"),
        (&[], "not made of hexadecimal digits"),
    ] {
        let output = decode(words, b"these are words");
        assert!(
            text(&output).contains(expected) || text(&output).contains("odd number"),
            "{}",
            text(&output)
        );
        assert_eq!(output.status.code(), Some(1), "{words:?}");
    }
    for format in ["hex", "raw", "mrt", "pcap"] {
        let output = decode(&["--format", format], &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
        assert!(
            text(&output).contains("compressed: unpack it first, as with `gzip -dc`"),
            "{}",
            text(&output)
        );
        assert_eq!(output.status.code(), Some(1), "{format}");
    }
    let missing = decode(&["/nonexistent"], b"");
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/nonexistent"), "{missing:?}");
}

#[test]
fn a_file_takes_no_more_memory_than_a_message() {
    let folder = std::env::temp_dir().join(format!("margay-decode-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let sparse = folder.join("sparse");
    fs::File::create(&sparse).unwrap().set_len(2 << 30).unwrap();
    let long = folder.join("long.hex");
    let comment = format!("# {}\n", "-".repeat(997));
    fs::write(&long, [comment.repeat(100_000).as_bytes(), KEEPALIVE.as_bytes()].concat()).unwrap();
    for (format, file, expected) in [
        ("hex", &sparse, "is not made of hexadecimal digits"),
        ("raw", &sparse, "the marker of a message is not all ones"),
        ("pcap", &sparse, "neither a pcap nor a pcapng"),
        ("hex", &long, "KEEPALIVE, 19 octets: ok"),
    ] {
        // 64 MiB of address space, including the program's own.
        let script = "ulimit -v 65536; exec \"$0\" decode --format \"$1\" \"$2\"";
        let mut limited = Command::new("sh");
        limited.args(["-c", script, env!("CARGO_BIN_EXE_margay"), format]).arg(file);
        let output = limited.output().unwrap();
        assert!(text(&output).contains(expected), "{format} {file:?}: {output:?}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn an_mrt_record_is_read_on_its_own_terms() {
    let hex = update("40050400000064").replace(' ', "");
    let message: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let peers = [0, 0, 0xfd, 0xe9, 0, 0, 0xfd, 0xea, 0, 0, 0, 1, 192, 0, 2, 1, 192, 0, 2, 2];
    let body = [&peers[..], &message].concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let record = [&[0, 0, 0, 9, 0, 16, 0, 4], &length[..], &body].concat();
    let output = decode(&["--format", "mrt"], &record);
    assert!(
        text(&output).starts_with("9 192.0.2.1 AS65001  UPDATE, 54 octets: attribute-discard\n"),
        "{}",
        text(&output)
    );
}

/// Folder of the corpus; `None`, with a note on stderr, if it is absent.
fn corpus(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus").join(folder);
    if !path.exists() {
        eprintln!("corpus: {folder} is absent, nothing to compare with");
        return None;
    }
    Some(path)
}

fn files_of(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| {
            path.extension().is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted))
        })
        .collect()
}

#[test]
fn recorded_updates_are_read_whole_and_accepted() {
    let Some(folder) = corpus("mrt") else { return };
    let mut read = 0;
    for path in files_of(&folder, &["gz"]) {
        // A whole table of the year 2000 is one record there, whose length field is too small for it.
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.contains("bview.20000111") {
            continue;
        }
        let unpacked = Command::new("gzip").arg("-dc").arg(&path).output().unwrap().stdout;
        let answers = lines(&decode(&["--json", "--format", "mrt"], &unpacked));
        let refused: Vec<&Value> = answers
            .iter()
            .filter(|answer| answer["verdict"] != "ok" && answer["verdict"] != "attribute-discard")
            .collect();
        // Two routes of that dump have next hop 0.0.0.0.
        let expected = if name.contains("ipv4_unicast_add_path") { 2 } else { 0 };
        assert_eq!(refused.len(), expected, "{name}: {refused:?}");
        read += answers.len();
    }
    eprintln!("corpus: {read} recorded messages and table entries read");
    assert!(read > 100_000, "only {read}");
}

#[test]
fn captures_yield_the_messages_that_others_found_in_them() {
    let Some(folder) = corpus("pcap") else { return };
    let packed = folder.join("messages.tsv.zst");
    let list = Command::new("zstd").arg("-dcq").arg(&packed).output();
    let Ok(list) = list.map(|output| String::from_utf8(output.stdout).unwrap()) else {
        eprintln!("corpus: no zstd to unpack the list of messages with");
        return;
    };
    let mut compared = 0;
    for path in files_of(&folder, &["pcap", "cap", "pcapng"]) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // These contain streams that are broken on purpose, after which no session can be followed; one
        // contains frames of an unknown kind, one a repeated message.
        if name.contains("oobr") || ["bgp-ub", "BGP_redist"].iter().any(|broken| name.contains(broken)) {
            continue;
        }
        let expected =
            list.lines().filter(|line| line.starts_with(&format!("{name}\t")) && line.contains("\tTrue\t"));
        let expected = expected.count();
        let output = decode(&["--json", "--format", "pcap", path.to_str().unwrap()], b"");
        let found = lines(&output).iter().filter(|answer| answer["verdict"].is_string()).count();
        if expected > 0 {
            assert_eq!(found, expected, "{name}");
        }
        compared += found;
    }
    eprintln!("corpus: {compared} messages found in captures");
    assert!(compared > 500, "only {compared}");
}

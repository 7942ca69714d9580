//! The program as operators run it, with a mock daemon on a socket of its own.

mod daemon;

use std::fs;
use std::process::{Command, Output};

use daemon::{Daemon, Directory, problem};
use serde_json::{Value, json};

#[test]
fn shows_peers_as_a_table_or_as_the_daemons_json() {
    let peers = json!({"peers": [peer("tor1", "established"), peer("node2", "idle")], "later_field": 1});
    let daemon = Daemon::start(vec![("GET /v1/peers", 200, peers.clone())]);
    let table = daemon.margay(&["show", "peers"]);
    assert_eq!(
        stdout(&table),
        "\
PEER   ADDRESS        AS  ROLE      STATE        SINCE  RECEIVED  ACCEPTED  ADVERTISED  GROUPS       LAST ERROR
tor1   172.16.0.1  65001  external  Established    42s        10         9           8  ipv4 #2 (3)
node2  172.16.0.1  65001  external  Idle           42s        10         9           8  ipv4 #2 (3)  no route to host
"
    );
    assert_eq!(table.status.code(), Some(0));
    let json = daemon.margay(&["--json", "show", "peers"]);
    assert_eq!(serde_json::from_str::<Value>(&stdout(&json)).unwrap(), peers);
}

#[test]
fn joins_the_pages_of_routes() {
    let page = |prefixes: &[&str], next: Option<&str>| {
        let routes: Vec<Value> = prefixes.iter().map(|prefix| route(prefix)).collect();
        json!({"routes": routes, "next": next})
    };
    let first = "GET /v1/routes?view=received&peer=tor1&limit=10000";
    let second = "GET /v1/routes?view=received&peer=tor1&after=c%261&limit=10000";
    let daemon = Daemon::start(vec![
        (first, 200, page(&["10.65.1.0/26", "10.65.2.0/26"], Some("c&1"))),
        (second, 200, page(&["10.65.3.0/26"], None)),
    ]);
    let words = ["show", "routes", "--received", "--peer", "tor1"];
    let table = stdout(&daemon.margay(&words));
    assert_eq!(table.matches("PREFIX").count(), 1, "{table}");
    let prefixes: Vec<&str> =
        table.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(prefixes[..3], ["10.65.1.0/26", "10.65.2.0/26", "10.65.3.0/26"]);
    let json: Value =
        serde_json::from_str(&stdout(&daemon.margay(&[&words[..], &["--json"]].concat()))).unwrap();
    assert_eq!(
        json,
        json!({"routes": [route("10.65.1.0/26"), route("10.65.2.0/26"), route("10.65.3.0/26")]})
    );
}

#[test]
fn sends_the_request_of_the_command() {
    let nothing = json!({"routes": []});
    let daemon = Daemon::start(vec![
        ("GET /v1/routes?view=best&prefix=10.65.1.0%2F26&limit=10000", 200, nothing.clone()),
        ("GET /v1/routes?view=advertised&peer=tor1&limit=10000", 200, nothing),
    ]);
    for words in
        [&["show", "routes", "10.65.1.0/26"][..], &["show", "routes", "--peer", "tor1", "--advertised"]]
    {
        let output = daemon.margay(words);
        assert_eq!(stdout(&output), "no routes\n", "{words:?}: {}", stderr(&output));
    }
    let json = daemon.margay(&["--json", "show", "routes", "10.65.1.0/26"]);
    assert_eq!(stdout(&json), "{\"routes\": []}\n");
}

#[test]
fn shows_the_daemons_state_unchanged() {
    let state = json!({"text": "entry 0 10.65.1.0/26: pinned by 1\n  best path\n"});
    let daemon = Daemon::start(vec![("GET /v1/state", 200, state.clone())]);
    assert_eq!(stdout(&daemon.margay(&["show", "state"])), state["text"].as_str().unwrap());
    let json = daemon.margay(&["--json", "show", "state"]);
    assert_eq!(serde_json::from_str::<Value>(&stdout(&json)).unwrap(), state);
}

#[test]
fn passes_on_what_the_daemon_refuses() {
    let error = problem(404, "there is no peer \"tor9\": did you mean \"tor1\"?");
    let daemon = Daemon::start(vec![
        ("GET /v1/peers/tor9", 404, error),
        ("GET /v1/kernel", 500, json!("oops")),
        ("GET /v1/status", 200, json!({"version": 1})),
    ]);
    let rows: &[(&[&str], &str)] = &[
        (&["show", "peer", "tor9"], "margay: there is no peer \"tor9\": did you mean \"tor1\"?\n"),
        (&["show", "kernel"], "status 500 Internal Server Error"),
        (&["show", "status"], "are margay and margayd of the same version?"),
        (&["explain", "10.0.0.0/8"], "no such request in this test"),
    ];
    for (words, expected) in rows {
        let output = daemon.margay(words);
        assert!(stderr(&output).contains(expected), "{words:?}: {}", stderr(&output));
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(1), ""), "{words:?}");
    }
}

#[test]
fn a_reload_that_finds_errors_fails_and_lists_them() {
    let report = json!({
        "errors": [{
            "file": "/etc/m.toml", "line": 3, "column": 7, "width": 1, "excerpt": "asn = 0",
            "excerpt_column": 7, "text": "asn: 0 is out of range",
        }],
        "changes": [], "needs_restart": [],
    });
    let daemon = Daemon::start(vec![("POST /v1/reload", 422, report.clone())]);
    let output = daemon.margay(&["reload"]);
    let snippet = "error: asn: 0 is out of range\n --> /etc/m.toml:3:7\n  |\n3 | asn = 0\n  |       ^";
    assert_eq!(stdout(&output), format!("{snippet}\n\nNothing was changed.\n"));
    assert_eq!(output.status.code(), Some(1));
    let output = daemon.margay(&["reload", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&stdout(&output)).unwrap(), report);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_reload_that_works_says_what_it_did() {
    let report = json!({
        "errors": [], "needs_restart": [],
        "changes": [{"object": "peer tor2", "change": "added", "action": ""}],
    });
    let daemon = Daemon::start(vec![("POST /v1/reload", 200, report)]);
    let output = daemon.margay(&["reload"]);
    assert_eq!((stdout(&output).as_str(), output.status.code()), ("added    peer tor2\n", Some(0)));
}

#[test]
fn says_when_there_is_no_daemon() {
    let directory = Directory::create();
    let absent = directory.path("absent.sock");
    let output = margay(&["--socket", &absent, "show", "peers"]);
    assert_eq!(
        stderr(&output),
        format!(
            "margay: no daemon at {absent}: the socket does not exist; is margayd running? --socket names another\n"
        )
    );
    assert_eq!(output.status.code(), Some(1));
    let left_behind = directory.path("left.sock");
    drop(std::os::unix::net::UnixListener::bind(&left_behind).unwrap());
    let output = margay(&["--socket", &left_behind, "show", "peers"]);
    assert!(stderr(&output).contains("nobody listens on the socket"), "{}", stderr(&output));
}

#[test]
fn a_closed_output_is_not_an_error() {
    let routes: Vec<Value> = (0..5000).map(|n| route(&format!("10.{}.{}.0/24", n / 256, n % 256))).collect();
    let daemon =
        Daemon::start(vec![("GET /v1/routes?view=best&limit=10000", 200, json!({"routes": routes}))]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_margay"))
        .args(["--socket", &daemon.socket(), "show", "routes"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[test]
fn filter_test_shows_the_rules_that_were_evaluated() {
    let text = "[global]\nasn = 64512\nrouter_id = \"10.0.0.1\"\n[filter.tor-in]\nrules = [\n\
        { match = { prefix = \"10.96.0.0/12\" }, action = \"reject\" },\n\
        { match = { as_path = \"_65010_\", community = \"65001:200..299\" }, \
        set = { local_pref = \"+100\", add_communities = \"64512:7\", prepend = 64512 }, action = \"accept\" },\n]\n";
    let directory = Directory::create();
    let path = directory.path("filters.toml");
    fs::write(&path, text).unwrap();
    let route = ["10.65.1.0/26", "--as-path", "65001 65010", "--community", "65001:250", "-c", &path];
    let output = margay(&[&["filter", "test", "tor-in"], &route[..]].concat());
    assert_eq!(
        stdout(&output),
        "filter tor-in, rule 1 (line 6): does not match\nfilter tor-in, rule 2 (line 7): matches\n\
         accepted by filter tor-in, rule 2 (line 7)\n  local_pref: 200\n  as_path: 64512 65001 65010\n  \
         communities: 65001:250 64512:7\n"
    );
    assert_eq!(output.status.code(), Some(0));
    let output = margay(&["filter", "test", "tor-in", "10.96.1.0/24", "-c", &path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).ends_with("rejected by filter tor-in, rule 1 (line 6)\n"), "{output:?}");
    let output = margay(&["filter", "test", "tor-out", "10.96.1.0/24", "-c", &path]);
    assert_eq!(
        (output.status.code(), stdout(&output).as_str()),
        (Some(1), "there is no filter \"tor-out\"\n")
    );
}

#[test]
fn check_counts_what_is_in_a_good_file() {
    let example = include_str!("../../config/example.toml");
    let line = 1 + example.lines().position(|line| line.starts_with("password_file")).unwrap();
    let directory = Directory::create();
    let (file, key) = (directory.path("example.toml"), directory.path("tor1.key"));
    fs::write(&file, example.replace("/etc/margay/tor1.key", &key)).unwrap();
    let output = margay(&["check", &file]);
    let (wrong, place) =
        (format!("error: password_file: {key} cannot be used: "), format!("--> {file}:{line}:17"));
    let text = stdout(&output);
    assert!(text.starts_with(&wrong) && text.contains(&place), "{text}");
    assert!(text.ends_with(&format!("{file}: 1 error; 1 peer, 2 networks without errors\n")), "{text}");
    assert_eq!(output.status.code(), Some(1));
    fs::write(&key, "secret\n").unwrap();
    let output = margay(&["check", &file]);
    assert_eq!(stdout(&output), format!("{file}: ok, 2 peers, 2 networks\n"));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn check_names_what_is_without_effect_in_a_good_file() {
    let directory = Directory::create();
    let file = directory.path("vain.toml");
    fs::write(
        &file,
        "[global]\nasn = 64512\nrouter_id = \"10.0.0.11\"\n\
         [filter.nodes]\nrules = [{ action = \"accept\", set_local_pref = 200 }]\n\
         [[peer]]\nname = \"tor\"\naddress = \"10.0.0.1\"\nremote_asn = 65001\nimport = [\"nodes\"]\nexport = [\"nodes\"]\n",
    )
    .unwrap();
    let warning = "peer tor is external and not sent LOCAL_PREF, which export filter \"nodes\" sets";
    let output = margay(&["check", &file]);
    assert_eq!(stdout(&output), format!("{file}: warning: {warning}\n{file}: ok, 1 peer, 0 networks\n"));
    assert_eq!(output.status.code(), Some(0));
    let json: Value = serde_json::from_str(&stdout(&margay(&["check", "--json", &file]))).unwrap();
    assert_eq!(json["warnings"], json!([warning]));
}

#[test]
fn check_lists_all_errors_of_a_bad_file() {
    let directory = Directory::create();
    let file = directory.path("bad.toml");
    fs::write(
        &file,
        "[global]\nasn = 0\nrouter_id = \"10.0.0.11\"\n[[network]]\nprefix = \"10.65.1.1/26\"\n",
    )
    .unwrap();
    let output = margay(&["check", &file]);
    assert_eq!(
        stdout(&output),
        format!(
            "error: asn: 0 is out of range\n \
             --> {file}:2:7\n  |\n2 | asn = 0\n  |       ^\n  |\n  \
             = help: write a number from 1 to 4294967295\n\n\
             error: prefix: host bits are set in 10.65.1.1/26\n \
             --> {file}:5:10\n  |\n5 | prefix = \"10.65.1.1/26\"\n  |          ^^^^^^^^^^^^^^\n  |\n  \
             = help: write 10.65.1.0/26\n\n\
             {file}: 2 errors; margayd does not start with it\n"
        )
    );
    assert_eq!(output.status.code(), Some(1));
    let json: Value = serde_json::from_str(&stdout(&margay(&["check", "--json", &file]))).unwrap();
    assert_eq!((&json["errors"][1]["line"], &json["errors"][1]["column"]), (&json!(5), &json!(10)));
}

#[test]
fn check_of_an_absent_file_says_so() {
    let output = margay(&["check", "/absent/margay.toml"]);
    assert_eq!(
        stderr(&output),
        "margay: cannot read /absent/margay.toml: No such file or directory (os error 2)\n"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_command_that_is_not_understood_exits_with_2() {
    let output = margay(&["show", "routes", "10.65.1.1/26"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("10.65.1.1/26"), "{}", stderr(&output));
}

fn peer(name: &str, state: &str) -> Value {
    json!({
        "name": name, "address": "172.16.0.1", "remote_asn": 65001, "role": "external", "description": null,
        "state": state, "since_seconds": 42, "uptime_seconds": null,
        "prefixes": {"received": 10, "accepted": 9, "advertised": 8},
        "messages": {"received": 4, "sent": 5, "updates_received": 6, "updates_sent": 7},
        "last_error": "no route to host", "export_groups": [{"family": "ipv4-unicast", "group": 2, "members": 3}],
    })
}

fn route(prefix: &str) -> Value {
    json!({"prefix": prefix, "peer": "tor1", "next_hop": "172.16.0.1", "as_path": "65001", "origin": "igp",
           "best": true, "valid": true, "field_of_a_later_version": true})
}

fn margay(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_margay"))
        .args(words)
        .output()
        .expect("the binary was built for this test")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("it prints UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("it prints UTF-8")
}

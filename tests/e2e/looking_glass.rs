//! The page, with a real browser, and what looking glasses ask birdwatcher for.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use margay_lab::{Bird, Margay, Namespace, Router, packages, python, wait_until};
use serde_json::Value;

use crate::pair::PATIENCE;
use crate::wire::{Wire, address, network, peer, wait_for_networks};

/// margay with a peer that is up and one that is not, and a client that may read over TCP.
struct Served {
    margay: Margay,
    client: Namespace,
    _bird: Bird,
    _wire: Wire,
}

impl Served {
    fn new(control: &str) -> Self {
        packages::install_missing(&[packages::CURL]).unwrap();
        let wire = Wire::new();
        let mut margay = wire.margay("margay", 1, |settings| {
            settings.peers = vec![peer(2), peer(3)];
            settings.networks = vec![network(50)];
            settings.kernel = true;
            settings.control =
                format!("http = \"{}:9179\"\nhttp_allow = [\"{}/32\"]\n{control}", address(1), address(9));
        });
        let mut bird = wire.bird("bird", 2, |settings| {
            settings.peers = vec![peer(1)];
            settings.networks = vec![network(60), network(61)];
        });
        let client = wire.place("client", &[9]);
        margay.start().unwrap();
        bird.start().unwrap();
        wait_for_networks(&margay, &[60, 61]);
        Self { margay, client, _bird: bird, _wire: wire }
    }

    fn get(&self, target: &str) -> (u16, String) {
        let mut curl = self.client.command(packages::CURL.program);
        curl.args(["--silent", "--max-time", "10", "--write-out", "\n%{http_code}"]);
        let output = curl.arg(format!("http://{}:9179{target}", address(1))).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), body.to_owned())
    }

    fn json(&self, target: &str) -> Value {
        let (status, body) = self.get(target);
        assert_eq!(status, 200, "{target}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{target}: {error}: {body}"))
    }
}

/// The networks of an answer with routes.
fn networks(answer: &Value) -> Vec<&str> {
    let routes = answer["routes"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let mut networks: Vec<&str> = routes.iter().map(|route| route["network"].as_str().unwrap()).collect();
    networks.sort_unstable();
    networks
}

#[test]
fn a_looking_glass_gets_what_it_asks_birdwatcher_for() {
    let served = Served::new("");
    let status = served.json("/birdwatcher/status");
    // What alice-lg cannot do without, in each answer.
    assert!(status["api"]["Version"].is_string() && status["api"]["result_from_cache"] == false, "{status}");
    assert!(status["ttl"].as_str().unwrap().ends_with('Z') && status["status"]["router_id"].is_string());
    let protocols = served.json("/birdwatcher/protocols/bgp");
    let session = &protocols["protocols"]["peer2"];
    assert_eq!((session["state"].as_str(), session["routes"]["imported"].as_u64()), (Some("up"), Some(2)));
    assert_eq!(session["neighbor_address"], address(2).to_string());
    assert_eq!(protocols["protocols"]["peer3"]["state"], "start");
    let accepted = served.json("/birdwatcher/routes/protocol/peer2");
    assert_eq!(networks(&accepted), [network(60), network(61)]);
    let route = &accepted["routes"][0];
    assert_eq!((route["from_protocol"].as_str(), route["primary"].as_bool()), (Some("peer2"), Some(true)));
    assert_eq!(route["gateway"], address(2).to_string());
    assert_eq!((&route["bgp"]["origin"], &route["bgp"]["local_pref"]), (&"IGP".into(), &"100".into()));
    assert_eq!(networks(&served.json("/birdwatcher/routes/export/peer2")), [network(50)]);
    assert_eq!(networks(&served.json("/birdwatcher/routes/noexport/peer2")), [network(60), network(61)]);
    assert!(networks(&served.json("/birdwatcher/routes/filtered/peer2")).is_empty());
    let table = served.json("/birdwatcher/routes/table/master");
    assert_eq!(networks(&table), [network(50), network(60), network(61)]);
    assert!(networks(&served.json("/birdwatcher/routes/table/master/filtered")).is_empty());
    assert_eq!(networks(&served.json(&format!("/birdwatcher/route/net/{}", network(61)))), [network(61)]);
    assert_eq!(served.get("/birdwatcher/routes/protocol/nosuch").0, 404);
}

#[test]
fn the_page_needs_no_token_and_the_state_does() {
    let file = std::env::temp_dir().join(format!("margay-page-{}.token", std::process::id()));
    std::fs::write(&file, "0123456789abcdef0123456789abcdef").unwrap();
    let served = Served::new(&format!("http_token_file = {:?}", file.display().to_string()));
    for target in ["/", "/page.js", "/page.css"] {
        let (status, body) = served.get(target);
        assert!(status == 200 && !body.contains("peer2"), "{target}: {status}");
    }
    for target in ["/v1/peers", "/v1/events", "/metrics", "/openapi.json", "/birdwatcher/status", "/nosuch"] {
        assert_eq!(served.get(target).0, 401, "{target}");
    }
    std::fs::remove_file(&file).unwrap();
}

/// Heavy: it installs a browser. `cargo test -p margay --test e2e -- --ignored browser` runs it.
#[test]
#[ignore = "installs Chromium"]
fn the_page_works_in_a_browser_without_another_network() {
    packages::install_missing(&[packages::CHROMIUM]).unwrap();
    let python = python::install(&python::PLAYWRIGHT).unwrap();
    let served = Served::new("");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/looking_glass.py");
    let pictures = std::env::temp_dir().join(format!("margay-pictures-{}", std::process::id()));
    std::fs::create_dir_all(&pictures).unwrap();
    let mut browser = served.client.command(python);
    browser.arg(script).arg(format!("http://{}:9179/", address(1))).arg(&pictures);
    browser.args([network(60).replace(".0/24", ".7"), network(60)]);
    let mut browser: std::process::Child =
        browser.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(browser.stdout.take().unwrap()).lines();
    // The script waits for an event that only this side can cause.
    let is_ready = lines.any(|line| line.is_ok_and(|line| line == "ready for an event"));
    if is_ready {
        served.margay.cli("peer peer2 reset").unwrap();
    }
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    let output = browser.wait_with_output().unwrap();
    assert!(output.status.success(), "{rest:?} {}", String::from_utf8_lossy(&output.stderr));
    for picture in ["light.png", "dark.png", "phone.png"] {
        let octets = std::fs::metadata(pictures.join(picture)).unwrap().len();
        assert!(octets > 10_000, "{picture} has {octets} octets: there is nothing on it");
    }
    eprintln!("pictures: {}", pictures.display());
    wait_until(PATIENCE, "the session is back", || {
        let peer = served.margay.json("show peer peer2").map_err(|error| format!("{error:#}"))?;
        if peer["state"] == "established" { Ok(()) } else { Err(peer["state"].to_string()) }
    });
}

/// A scrape of Prometheus and the page are read by the same client at the same time.
#[test]
fn a_reader_that_stops_reading_does_not_hold_others_up() {
    let served = Served::new("");
    // More streams than one, which nobody reads.
    let url = format!("http://{}:9179/v1/events", address(1));
    let mut sleepers: Vec<_> = (0..20)
        .map(|_| {
            let mut curl: Command = served.client.command(packages::CURL.program);
            curl.args(["--silent", "--limit-rate", "1", &url]).stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for _ in 0..5 {
        served.margay.cli("reload").unwrap();
        assert_eq!(served.get("/v1/status").0, 200);
    }
    for sleeper in &mut sleepers {
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
    }
}

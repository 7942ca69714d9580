//! Metrics and the reading part of the API over TCP, with curl and a real Prometheus as clients.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use margay_lab::{Margay, Namespace, Prometheus, Router, packages, promtool, wait_until};
use serde_json::Value;

use crate::pair::PATIENCE;
use crate::wire::{Wire, address, network, peer, wait_for_networks};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// margay with one peer that is up and one that is down, which serves HTTP to the namespace at 9 alone.
struct Served {
    margay: Margay,
    client: Namespace,
    _bird: margay_lab::Bird,
    wire: Wire,
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
            settings.networks = vec![network(60)];
        });
        let client = wire.place("client", &[9]);
        margay.start().unwrap();
        bird.start().unwrap();
        wait_for_networks(&margay, &[60]);
        wait_for_networks(&bird, &[50]);
        Self { margay, client, _bird: bird, wire }
    }

    fn get(&self, target: &str, options: &[&str]) -> (u16, String) {
        get_from(&self.client, target, options)
    }
}

/// Status and body of an answer.
fn get_from(client: &Namespace, target: &str, options: &[&str]) -> (u16, String) {
    let mut curl = client.command(packages::CURL.program);
    curl.args(["--silent", "--show-error", "--max-time", "10", "--write-out", "\n%{http_code}"]);
    let output = curl.args(options).arg(format!("http://{}:9179{target}", address(1))).output().unwrap();
    assert!(output.status.success(), "{target}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

/// The value of a sample.
#[track_caller]
fn value(metrics: &str, sample: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {sample} in\n{metrics}")).parse().unwrap()
}

#[test]
fn tcp_serves_reading_to_the_allow_list_and_nothing_else() {
    let served = Served::new("");
    let (status, body) = served.get("/v1/status", &[]);
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, answer["peers_established"].as_u64()), (200, Some(1)));
    for target in
        ["/v1/peers", "/v1/peers/peer2", "/v1/routes", "/v1/kernel", "/v1/bfd", "/v1/turns", "/metrics"]
    {
        assert_eq!(served.get(target, &[]).0, 200, "{target}");
    }
    for target in ["/v1/peers/peer2?action=disable", "/v1/turns"] {
        assert_eq!(served.get(target, &["--request", "POST"]).0, 405, "{target}");
    }
    for (target, method) in [
        ("/v1/config", "GET"),
        ("/v1/state", "GET"),
        ("/v1/reload", "POST"),
        ("/v1/drain", "POST"),
        ("/v1/shutdown", "POST"),
    ] {
        assert_eq!(served.get(target, &["--request", method]).0, 404, "{method} {target}");
    }
    assert!(served.margay.json("show peer peer2").unwrap()["held_down"].is_null());

    let stranger = served.wire.place("stranger", &[10]);
    let (status, body) = get_from(&stranger, "/metrics", &[]);
    assert!(status == 403 && body.contains("http_allow"), "{status} {body}");
}

#[test]
fn a_token_file_is_asked_of_every_request_and_read_anew() {
    let file = std::env::temp_dir().join(format!("margay-http-{}.token", std::process::id()));
    fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let served = Served::new(&format!("http_token_file = {:?}", file.display().to_string()));
    let ask =
        |token: &str| served.get("/metrics", &["--header", &format!("Authorization: Bearer {token}")]).0;
    assert_eq!(served.get("/metrics", &[]).0, 401);
    assert_eq!((ask(TOKEN), ask("0123456789abcdef0123456789abcdee")), (200, 401));
    let next = "fedcba9876543210fedcba9876543210";
    fs::write(&file, next).unwrap();
    assert_eq!((ask(TOKEN), ask(next)), (401, 200));
    fs::remove_file(&file).unwrap();
    assert_eq!(ask(next), 503);
}

#[test]
fn metrics_say_what_the_other_commands_say() {
    let served = Served::new("");
    let (_, text) = served.get("/metrics", &[]);
    let (_, openmetrics) = served.get("/metrics", &["--header", "Accept: application/openmetrics-text"]);
    assert!(openmetrics.ends_with("# EOF\n") && !text.contains("# EOF"), "{openmetrics}");
    for metrics in [&text, &openmetrics] {
        for (sample, expected) in [
            ("margay_peers{state=\"established\"}", 1.0),
            ("margay_peer_session_established{peer=\"peer2\"}", 1.0),
            ("margay_peer_session_established{peer=\"peer3\"}", 0.0),
            ("margay_peer_session_state{peer=\"peer2\"}", 6.0),
            ("margay_peer_routes_received{peer=\"peer2\",family=\"ipv4-unicast\"}", 1.0),
            ("margay_peer_routes_accepted{peer=\"peer2\",family=\"ipv4-unicast\"}", 1.0),
            ("margay_peer_routes_advertised{peer=\"peer2\",family=\"ipv4-unicast\"}", 1.0),
            ("margay_rib_prefixes{family=\"ipv4-unicast\"}", 2.0),
            ("margay_rib_paths", 2.0),
            ("margay_rib_export_groups", 1.0),
        ] {
            assert_eq!(value(metrics, sample), expected, "{sample}");
        }
        assert!(value(metrics, "margay_peer_messages_received_total{peer=\"peer2\",type=\"update\"}") >= 1.0);
        for direction in ["received", "sent"] {
            let sum = |kind| {
                value(
                    metrics,
                    &format!("margay_peer_messages_{direction}_total{{peer=\"peer2\",type=\"{kind}\"}}"),
                )
            };
            let octets =
                value(metrics, &format!("margay_peer_message_octets_{direction}_total{{peer=\"peer2\"}}"));
            // An OPEN has at least ten octets more than a header.
            assert!(octets >= 19.0 * (sum("update") + sum("other")) + 10.0, "{direction}: {octets} octets");
        }
        assert!(value(metrics, "process_resident_memory_bytes") > 1e6);
        assert!(value(metrics, "process_cpu_seconds_total") > 0.0);
    }
    let kernel = served.margay.json("show kernel").unwrap();
    let installed = value(&text, "margay_kernel_routes{state=\"installed\"}");
    assert_eq!(Some(installed), kernel["installed"].as_f64());
    packages::install_missing(&[packages::PROMETHEUS]).unwrap();
    let mut checker = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    checker.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let checked = checker.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success(), "{said}");
}

#[test]
fn prometheus_evaluates_the_example_rules_and_the_board() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let rules = examples.join("prometheus/margay-alerts.yml");
    promtool("check config", &examples.join("prometheus/prometheus.yml")).unwrap();
    promtool("test rules", &examples.join("prometheus/margay-alerts-test.yml")).unwrap();
    let served = Served::new("");
    let configuration = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{:?}]\nscrape_configs:\n\
         - {{job_name: margay, static_configs: [{{targets: [\"{}:9179\"]}}]}}\n",
        rules.display().to_string(),
        address(1)
    );
    let prometheus = Prometheus::start(&served.client, &configuration).unwrap();
    wait_until(PATIENCE, "Prometheus has read the metrics", || {
        let up = prometheus.query("up{job=\"margay\"}").map_err(|error| format!("{error:#}"))?;
        if up.iter().any(|sample| sample["value"][1] == "1") { Ok(()) } else { Err(format!("{up:?}")) }
    });
    wait_until(PATIENCE, "the rules are evaluated, and find the peer that is down", || {
        let rules = prometheus.get("/api/v1/rules").map_err(|error| format!("{error:#}"))?;
        let rules = rules["data"]["groups"][0]["rules"].as_array().cloned().unwrap_or_default();
        let down = rules.iter().find(|rule| rule["name"] == "MargayPeerDown");
        let is_found = down.is_some_and(|rule| rule["alerts"][0]["labels"]["peer"] == "peer3");
        let is_well = rules.iter().all(|rule| rule["health"] == "ok");
        if rules.len() == 9 && is_found && is_well { Ok(()) } else { Err(format!("{rules:?}")) }
    });
    let board: Value =
        serde_json::from_str(&fs::read_to_string(examples.join("grafana/margay.json")).unwrap()).unwrap();
    let targets =
        board["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let queries: Vec<String> =
        targets.map(|target| as_grafana_asks(target["expr"].as_str().unwrap())).collect();
    assert!(queries.len() >= 15, "{queries:?}");
    for query in queries {
        wait_until(PATIENCE, &format!("a result of {query}"), || {
            let result = prometheus.query(&query).map_err(|error| format!("{error:#}"))?;
            if result.is_empty() { Err("nothing") } else { Ok(()) }.map_err(str::to_owned)
        });
    }
}

/// A query of the board with its variables replaced.
fn as_grafana_asks(query: &str) -> String {
    let replaced = query.replace("$__rate_interval", "10s").replace("$instance", ".*").replace("$peer", ".*");
    assert!(!replaced.contains('$'), "{replaced}");
    replaced
}

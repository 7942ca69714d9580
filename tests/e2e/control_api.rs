//! The control API as a program sees it: its OpenAPI document, problem documents, events, and the log at run time.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use margay_lab::{Bird, Margay, Router, packages, python, wait_until};
use serde_json::Value;

use crate::pair::{PATIENCE, binaries};
use crate::wire::{Wire, network, peer, wait_for_networks};

/// margay with a peer that is up and one that is not.
struct Served {
    margay: Margay,
    bird: Bird,
    _wire: Wire,
}

impl Served {
    fn new() -> Self {
        packages::install_missing(&[packages::CURL]).unwrap();
        let wire = Wire::new();
        let mut margay = wire.margay("margay", 1, |settings| {
            settings.peers = vec![peer(2), peer(3)];
            settings.networks = vec![network(50)];
            settings.kernel = true;
        });
        let mut bird = wire.bird("bird", 2, |settings| {
            settings.peers = vec![peer(1)];
            settings.networks = vec![network(60)];
        });
        margay.start().unwrap();
        bird.start().unwrap();
        wait_for_networks(&margay, &[60]);
        Self { margay, bird, _wire: wire }
    }

    fn socket(&self) -> PathBuf {
        self.margay.control_socket()
    }

    /// Status, type and body of an answer.
    fn ask(&self, method: &str, target: &str) -> (u16, String, Value) {
        let mut curl = Command::new(packages::CURL.program);
        curl.args(["--silent", "--max-time", "10", "--request", method, "--unix-socket"]).arg(self.socket());
        curl.args(["--write-out", "\n%{http_code} %{content_type}", &format!("http://margay{target}")]);
        let output = curl.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, end) = text.rsplit_once('\n').unwrap();
        let (status, media_type) = end.split_once(' ').unwrap();
        let body = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
        (status.parse().unwrap(), media_type.to_owned(), body)
    }
}

#[test]
fn failures_are_problem_documents() {
    let served = Served::new();
    for (method, target, status, detail) in [
        ("GET", "/v1/peers/nosuch", 404, "known are peer2, peer3"),
        ("GET", "/v1/routes?prefix=nonsense", 400, "neither an address nor a prefix"),
        ("GET", "/v1/routes?colour=red", 400, "colour"),
        ("GET", "/v1/explain", 400, "prefix"),
        ("GET", "/v2/peers", 404, "/openapi.json"),
        ("DELETE", "/v1/peers", 405, "DELETE"),
        ("POST", "/v1/reload/confirm", 409, "no reload waits"),
        ("POST", "/v1/log?filter=margay=loud", 400, "loud"),
        ("GET", "/v1/events?prefix=10.0.0.0/33", 400, "10.0.0.0/33"),
    ] {
        let (seen, media_type, problem) = served.ask(method, target);
        assert_eq!((seen, media_type.as_str()), (status, "application/problem+json"), "{target}: {problem}");
        assert_eq!((&problem["status"], &problem["type"]), (&status.into(), &"about:blank".into()));
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{target}: {problem}");
    }
}

#[test]
fn routes_are_asked_for_by_sets_of_prefixes_and_by_the_longest_match() {
    let served = Served::new();
    let inside = network(60).replace(".0/24", ".7");
    let prefixes = |target: &str| -> Vec<String> {
        let (status, _, page) = served.ask("GET", target);
        assert_eq!(status, 200, "{page}");
        let routes = page["routes"].as_array().unwrap();
        routes.iter().map(|route| route["prefix"].as_str().unwrap().to_owned()).collect()
    };
    let (own, learned) = (network(50), network(60));
    assert_eq!(prefixes(&format!("/v1/routes?prefix={own},{inside},{learned}")), [own.as_str(), &learned]);
    assert_eq!(prefixes(&format!("/v1/routes?prefix={inside}&longest=true&peer=peer2")), [learned.as_str()]);
    let (_, _, page) = served.ask("GET", &format!("/v1/routes?prefix={own}"));
    let route = &page["routes"][0];
    assert_eq!((route["source"].as_str(), route["preference"].as_u64()), (Some("network"), Some(200)));
    let (_, _, groups) = served.ask("GET", "/v1/groups");
    assert_eq!(groups["groups"][0]["members"], serde_json::json!(["peer2"]), "{groups}");
}

/// `margay events`, whose lines are read as they come.
struct Follower {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Follower {
    fn start(socket: &Path, prefixes: &[&str]) -> Self {
        let mut command = Command::new(binaries().margay);
        command.arg("--socket").arg(socket).args(["--json", "events"]).args(prefixes);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = std::io::BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = std::sync::mpsc::channel();
        thread::spawn(move || {
            for line in std::io::BufRead::lines(out).map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next event of a kind; those before it are skipped.
    fn next(&self, kind: &str) -> Value {
        let mut seen = Vec::new();
        loop {
            let line =
                self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {kind}, but {seen:?}"));
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["kind"] == kind {
                return event;
            }
            seen.push(line);
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn events_are_streamed_as_they_happen() {
    let mut served = Served::new();
    let learned = network(60);
    let inside = learned.replace(".0/24", ".7");
    let follower = Follower::start(&served.socket(), &[&inside]);
    let bystander = Follower::start(&served.socket(), &[]);
    // Events are those from the subscription on: a reload is repeated until it is seen.
    for one in [&follower, &bystander] {
        wait_until(PATIENCE, "the stream has begun", || {
            served.margay.cli("reload").map_err(|error| format!("{error:#}"))?;
            one.lines.recv_timeout(Duration::from_millis(500)).map(drop).map_err(|error| error.to_string())
        });
    }
    served.bird.stop().unwrap();
    assert_eq!(follower.next("session_down")["peer"], "peer2");
    let gone = follower.next("best_route");
    assert_eq!((gone["prefix"].as_str(), gone["route"].is_null()), (Some(learned.as_str()), true), "{gone}");
    served.bird.start().unwrap();
    assert_eq!(follower.next("session_up")["peer"], "peer2");
    let back = follower.next("best_route");
    assert_eq!((&back["prefix"], &back["route"]["peer"]), (&learned.as_str().into(), &"peer2".into()));
    std::fs::write(served.margay.configuration_file(), "[global]\nasn = ").unwrap();
    assert!(served.margay.cli("reload").is_err());
    let refused = loop {
        let reload = follower.next("reload");
        if reload["refused"] == true {
            break reload;
        }
    };
    assert_eq!(refused["errors"], 1);
    bystander.next("session_down");
    bystander.next("session_up");
    let others: Vec<String> = bystander.lines.try_iter().filter(|line| line.contains("best_route")).collect();
    assert!(others.is_empty(), "not asked for: {others:?}");
}

#[test]
fn what_is_logged_changes_at_run_time_and_for_one_peer() {
    let served = Served::new();
    let log = |change: &str| served.margay.json(change).unwrap();
    let state = log("log");
    assert_eq!(state["debugged_peers"], serde_json::json!([]));
    let configured = state["configured"].as_str().unwrap().to_owned();
    assert_eq!(log("log level warn")["filter"], "warn");
    assert_eq!(log("log debug peer2")["debugged_peers"], serde_json::json!(["peer2"]));
    let seen = served.margay.log().unwrap().len();
    served.margay.cli("peer peer2 reset").unwrap();
    wait_until(PATIENCE, "lines of level debug about the peer", || {
        let log = served.margay.log().map_err(|error| format!("{error:#}"))?;
        let news: Vec<&str> = log[seen..].lines().filter(|line| line.contains("DEBUG")).collect();
        if news.iter().any(|line| line.contains("peer2")) { Ok(()) } else { Err(news.join("\n")) }
    });
    let news = served.margay.log().unwrap()[seen..].to_owned();
    assert!(!news.contains("peer3") && !news.contains("INFO"), "{news}");
    assert_eq!(log("log undebug peer2")["debugged_peers"], serde_json::json!([]));
    assert_eq!(log("log level configured")["filter"], configured.as_str());
    assert!(served.margay.cli("log level margay=loud").is_err());
    assert!(served.margay.cli("log debug nosuch").is_err());
}

/// Lets programs that know TCP alone reach a Unix socket, for as long as the process runs.
fn forward_to(socket: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = UnixStream::connect(&socket) else { continue };
            let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || copy(from, to, UnixStream::shutdown));
            thread::spawn(move || copy(server, client, TcpStream::shutdown));
        }
    });
    port
}

fn copy<R: Read, W: Write>(mut from: R, mut to: W, end: fn(&W, std::net::Shutdown) -> std::io::Result<()>) {
    drop(std::io::copy(&mut from, &mut to));
    drop(end(&to, std::net::Shutdown::Write));
}

#[test]
fn a_tester_finds_that_the_daemon_does_what_its_document_says() {
    let served = Served::new();
    let schemathesis = python::install(&python::SCHEMATHESIS).unwrap();
    let url = format!("http://127.0.0.1:{}", forward_to(served.socket()));
    let output = Command::new(schemathesis)
        .args(["run", &format!("{url}/openapi.json"), "--url", &url])
        .args(["--checks", "all"])
        // A prefix is text that a schema cannot describe, so that a valid request by the schema may be an invalid one.
        .args(["--exclude-checks", "positive_data_acceptance"])
        // A stream has no end, and after a shutdown there is nothing to test.
        .args(["--exclude-path", "/v1/events", "--exclude-path", "/v1/shutdown"])
        .args(["--max-examples", "25", "--request-timeout", "10", "--seed", "1", "--no-color"])
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(" passed") && !said.contains("🚫"), "{said}");
}

//! A cluster of 100,000 endpoints, 250 of them local, and 10,000 policies: the first calculation and program, and what
//! single changes cost.
//!
//! `cargo bench -p margay-policy --bench cluster`
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints a table, and stops at what is wrong"
)]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::time::{Duration, Instant};

use margay_cluster::document::read_json;
use margay_cluster::key::ObjectKey;
use margay_cluster::object::AnyObject;
use margay_cluster::schema::UnknownFields;
use margay_policy::{Calculation, Marks, Programmer};
use serde_json::{Value, json};

const ENDPOINTS: usize = 100_000;
const LOCAL: usize = 250;
const POLICIES: usize = 10_000;
const APPLICATIONS: usize = 1_000;
const REPEATS: usize = 200;

fn main() {
    // `cargo test --benches` only looks whether it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let endpoints: Vec<_> = (0..ENDPOINTS).map(|number| endpoint(number, "v1")).collect();
    let policies: Vec<_> = (0..POLICIES).map(|number| policy(number, 80)).collect();
    let mut node =
        Node { calculation: Calculation::new("n0"), programmer: Programmer::new(Marks::default()) };
    let start = Instant::now();
    for (key, object) in endpoints.iter().chain(&policies) {
        node.calculation.handle_object(key, Some(object));
    }
    println!("{:<50} {:>12.3?}", "objects handled", start.elapsed());
    let start = Instant::now();
    let chains = node.update();
    println!("{:<50} {:>12.3?} ({chains} chains)", "changes taken, program made", start.elapsed());
    // The last endpoints are those of other nodes; the first are local.
    node.measure("a label of a pod of another node", |round| {
        endpoint(ENDPOINTS - 1 - round % 50, version(round))
    });
    node.measure("a label of a local pod", |round| endpoint(round % 50, version(round)));
    node.measure("the port of a policy on local pods", |round| {
        policy(round % 50, if (round / 50).is_multiple_of(2) { 81 } else { 80 })
    });
    node.measure("the port of a policy on no local pod", |round| {
        policy(APPLICATIONS / 2 + round % 50, if (round / 50).is_multiple_of(2) { 81 } else { 80 })
    });
}

struct Node {
    calculation: Calculation,
    programmer: Programmer,
}

impl Node {
    fn update(&mut self) -> usize {
        let changes = self.calculation.take_changes();
        self.programmer.update(self.calculation.wanted(), &changes).chains.len()
    }

    /// Handles changes one by one, and prints the median and the 99th percentile of the time to the new program.
    fn measure(&mut self, what: &str, change: impl Fn(usize) -> (ObjectKey, AnyObject)) {
        let mut times: Vec<Duration> = (0..REPEATS)
            .map(|round| {
                let (key, object) = change(round);
                let start = Instant::now();
                self.calculation.handle_object(&key, Some(&object));
                self.update();
                start.elapsed()
            })
            .collect();
        times.sort();
        println!("{what:<50} p50 {:>10.3?}  p99 {:>10.3?}", times[REPEATS / 2], times[REPEATS * 99 / 100]);
    }
}

const fn version(round: usize) -> &'static str {
    if (round / 50).is_multiple_of(2) { "v2" } else { "v1" }
}

/// A pod of one of 1,000 applications; the first are on the local node.
fn endpoint(number: usize, version: &str) -> (ObjectKey, AnyObject) {
    let node = if number < LOCAL { "n0".to_owned() } else { format!("n{}", 1 + number / 100) };
    let address = format!("10.{}.{}.{}", number >> 16, (number >> 8) & 255, number & 255);
    object(json!({
        "kind": "WorkloadEndpoint", "apiVersion": "projectcalico.org/v3",
        "metadata": {
            "name": format!("{node}-k8s-p{number}-eth0"), "namespace": "default",
            "labels": {"app": format!("a{}", number % APPLICATIONS), "version": version},
        },
        "spec": {
            "node": node, "orchestrator": "k8s", "pod": format!("p{number}"), "endpoint": "eth0",
            "interfaceName": format!("cali{number}"), "ipNetworks": [address], "profiles": ["kns.default"],
        },
    }))
}

/// Ten policies for each application, each for the packets of another application.
fn policy(number: usize, port: u16) -> (ObjectKey, AnyObject) {
    let (app, other) = (number % APPLICATIONS, (number * 7 + 1) % APPLICATIONS);
    object(json!({
        "kind": "GlobalNetworkPolicy", "apiVersion": "projectcalico.org/v3",
        "metadata": {"name": format!("g{number}")},
        "spec": {
            "selector": format!("app == 'a{app}'"),
            "ingress": [
                {"action": "Allow", "protocol": "TCP", "source": {"selector": format!("app == 'a{other}'")},
                 "destination": {"ports": [port]}},
                {"action": "Allow", "source": {"selector": format!("app == 'a{app}' && version == 'v1'")}},
            ],
        },
    }))
}

fn object(value: Value) -> (ObjectKey, AnyObject) {
    let text = value.to_string();
    let mut object = AnyObject::decode(&read_json(text.as_bytes()).unwrap(), UnknownFields::Refuse).unwrap();
    object.apply_defaults();
    (ObjectKey::from(&object), object)
}

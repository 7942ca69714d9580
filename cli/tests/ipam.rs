//! Address management against real etcd: the commands, and many clients while leaders are killed.
//!
//! Needs root, and installs etcd where it is missing.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use margay_cluster::object::AllowedUse;
use margay_datastore::{Client, DatastoreOptions, Expected, KeyRange, SwapOutcome};
use margay_ipam::audit::{Kind, Snapshot, audit};
use margay_ipam::{AddressFamily, AddressOwner, AssignRequest, ClusterState, Ipam, IpamError, WallTime};
use margay_lab::{Etcd, EtcdSettings, Lab, Namespace, Segment};
use tokio::task::JoinSet;

const POOL: (&str, &str) = (
    "/calico/resources/v3/projectcalico.org/ippools/pods",
    r#"{"apiVersion":"projectcalico.org/v3","kind":"IPPool","metadata":{"name":"pods"},"spec":{"cidr":"10.65.0.0/16"}}"#,
);
const CLIENTS: u32 = 50;
/// Assignments and releases of each client.
const REQUESTS: u32 = 200;
const HANDLES_AT_A_TIME: usize = 8;

struct Cluster {
    etcd: Etcd,
    namespace: Namespace,
    _segment: Segment,
    _lab: Lab,
}

impl Cluster {
    fn start(members: u8) -> Self {
        let lab = Lab::new().unwrap();
        let segment = lab.segment("store").unwrap();
        let namespace = lab.namespace("client").unwrap();
        segment.attach(&namespace, "eth0", &["10.99.0.100/24"]).unwrap();
        let settings = EtcdSettings { members, ..EtcdSettings::default() };
        let etcd = Etcd::start(&lab, &segment, &settings).unwrap();
        Self { etcd, namespace, _segment: segment, _lab: lab }
    }

    fn margay(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_margay"));
        command.args(words).env("ETCD_ENDPOINTS", self.etcd.endpoints().join(","));
        self.namespace.inside(move || command.output()).unwrap().unwrap()
    }

    /// Runs a command that must end with a code, and returns what it prints.
    fn ends(&self, code: i32, words: &[&str]) -> String {
        let output = self.margay(words);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a test in the client's namespace.
    fn run<T: Send>(&mut self, test: impl AsyncFnOnce(&mut Etcd) -> T + Send) -> T {
        let etcd = &mut self.etcd;
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(test(etcd))
        };
        self.namespace.inside(run).unwrap()
    }
}

fn now() -> WallTime {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    WallTime(since_1970.as_secs().try_into().unwrap())
}

fn client(etcd: &Etcd) -> Client {
    Client::new(DatastoreOptions::new(etcd.endpoints())).unwrap()
}

async fn put_pool(client: &Client) {
    let outcome = client.swap(POOL.0.as_bytes(), Expected::Absent, Some(POOL.1.into())).await;
    assert!(matches!(outcome, SwapOutcome::Written(_)), "{outcome:?}");
}

fn request(node: &str, handle: &str) -> AssignRequest {
    let owner = AddressOwner {
        handle: Some(handle.to_owned()),
        attributes: BTreeMap::from([("node".to_owned(), node.to_owned())]),
    };
    AssignRequest::new(node, AllowedUse::Workload, owner, 1, 0)
}

#[test]
fn addresses_are_shown_checked_and_released() {
    let mut cluster = Cluster::start(1);
    let address = cluster.run(async |etcd| {
        let client = client(etcd);
        put_pool(&client).await;
        let state = ClusterState::load(&client).await.unwrap();
        let ipam = Ipam { store: &client, cluster: &state, now: now() };
        let mut addresses = Vec::new();
        for handle in ["net.a", "net.b"] {
            let assigned = ipam.assign(&request("node-1", handle), AddressFamily::V4).await.unwrap();
            addresses.extend(assigned.addresses);
        }
        addresses[0].addr().to_string()
    });

    let shown = cluster.ends(0, &["ipam", "show", "--show-blocks"]);
    assert!(shown.contains("IP pool pods"), "{shown}");
    let block: Vec<&str> =
        shown.lines().find(|line| line.starts_with("Block")).unwrap().split_whitespace().collect();
    assert_eq!(block[2..], ["node-1", "64", "2", "0", "62"], "{shown}");
    let shown = cluster.ends(0, &["ipam", "show", "--ip", &address]);
    assert_eq!(shown, format!("{address} is in use\n  handle: net.a\n  node: node-1\n"));
    assert_eq!(cluster.ends(0, &["ipam", "show", "--ip", "10.65.255.255"]), "10.65.255.255 is not in use\n");

    // Nothing uses the addresses, and the node does not exist.
    let found = cluster.ends(1, &["ipam", "check"]);
    assert!(found.contains(&format!("leftover: {address} is given out to the handle net.a")), "{found}");
    assert!(found.contains("the node node-1, which does not exist"), "{found}");
    assert!(found.ends_with("1 blocks, 2 addresses in use, 2 handles: 0 faults, 3 leftovers\n"), "{found}");

    assert_eq!(cluster.ends(0, &["ipam", "release", "--handle", "net.a"]), format!("{address} released\n"));
    assert_eq!(cluster.margay(&["ipam", "release", "--handle", "net.a"]).status.code(), Some(1));
    assert_eq!(
        cluster.ends(0, &["ipam", "release", "--ip", &address]),
        format!("{address} was not in use\n")
    );
    cluster.ends(0, &["ipam", "split-affinity", "--node", "node-1"]);
    let shown = cluster.ends(0, &["ipam", "show", "--show-blocks"]);
    let block: Vec<&str> =
        shown.lines().find(|line| line.starts_with("Block")).unwrap().split_whitespace().collect();
    assert_eq!(block[2..], ["-", "64", "1", "0", "63"], "{shown}");
    let released = cluster.ends(0, &["ipam", "release", "--leaked", "--after", "1s"]);
    assert!(released.ends_with(" released\n") && released.lines().count() == 1, "{released}");
    assert_eq!(cluster.ends(0, &["ipam", "check"]), "0 blocks, 0 addresses in use, 0 handles: all is well\n");
}

/// Who has which address, as the clients were told.
#[derive(Default)]
struct Ledger {
    held: Mutex<BTreeMap<IpAddr, String>>,
    /// Time of each request that succeeded at once.
    times: Mutex<Vec<Duration>>,
    failures: Mutex<BTreeMap<String, u32>>,
}

impl Ledger {
    fn note_failure(&self, error: &IpamError) {
        let kind = match error {
            IpamError::Store(_) => "not reached".to_owned(),
            IpamError::OutcomeUnknown(_) => "outcome unknown".to_owned(),
            IpamError::Busy(_) => "busy".to_owned(),
            other => panic!("{other}"),
        };
        *self.failures.lock().unwrap().entry(kind).or_default() += 1;
    }
}

/// One client's assignments and releases.
async fn work(client: &Client, number: u32, ledger: &Ledger) {
    let node = format!("node-{}", number % 20);
    let cluster =
        ClusterState { pools: ClusterState::load(client).await.unwrap().pools, ..ClusterState::default() };
    let mut own: Vec<(String, IpAddr)> = Vec::new();
    for request_number in 0..REQUESTS {
        let ipam = Ipam { store: client, cluster: &cluster, now: now() };
        let started = Instant::now();
        let is_release = own.len() >= HANDLES_AT_A_TIME || (request_number % 3 == 2 && !own.is_empty());
        if is_release {
            let (handle, address) = own.remove(0);
            assert_eq!(ledger.held.lock().unwrap().remove(&address).as_deref(), Some(handle.as_str()));
            release(&ipam, &handle, ledger).await;
        } else {
            let handle = format!("net.{number}-{request_number}");
            match ipam.assign(&request(&node, &handle), AddressFamily::V4).await {
                Ok(assigned) => {
                    let address = assigned.addresses[0].addr();
                    let before = ledger.held.lock().unwrap().insert(address, handle.clone());
                    assert_eq!(before, None, "{address} is given out twice");
                    own.push((handle, address));
                }
                Err(error) => {
                    ledger.note_failure(&error);
                    release(&ipam, &handle, ledger).await;
                    continue;
                }
            }
        }
        ledger.times.lock().unwrap().push(started.elapsed());
    }
}

/// Releases a handle, for as long as that takes.
async fn release(ipam: &Ipam<'_, Client>, handle: &str, ledger: &Ledger) {
    loop {
        match ipam.release_handle(handle).await {
            Ok(_) | Err(IpamError::NotFound(_)) => return,
            Err(error) => ledger.note_failure(&error),
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}

/// While members are down, further tries at once would only fill the log of failures.
const BETWEEN_TRIES: Duration = Duration::from_millis(200);

/// Looks at everything that is stored, at one revision, again and again.
async fn look(client: &Client, looks: &Mutex<u32>) {
    loop {
        if let Ok(listed) = client.list(&KeyRange::of_prefix("/calico/ipam/v2/")).await {
            let findings = audit(&Snapshot::of_values(&listed.key_values));
            let faults: Vec<_> = findings.iter().filter(|finding| finding.kind() == Kind::Fault).collect();
            assert!(faults.is_empty(), "{faults:?}");
            *looks.lock().unwrap() += 1;
        }
        // Each look reads everything: in a row they would take the store's time from the clients.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[test]
fn no_address_is_given_out_twice_or_lost_while_leaders_are_killed() {
    let mut cluster = Cluster::start(3);
    cluster.run(async |etcd| {
        let first = client(etcd);
        put_pool(&first).await;
        let (ledger, looks) = (Arc::new(Ledger::default()), Mutex::new(0));
        let started = Instant::now();
        let clients: Vec<Client> = (0..CLIENTS).map(|_| client(etcd)).collect();
        let all = async {
            let mut running = JoinSet::new();
            for (client, number) in clients.into_iter().zip(0..) {
                let ledger = Arc::clone(&ledger);
                running.spawn(async move { work(&client, number, &ledger).await });
            }
            running.join_all().await;
        };
        let mut kills = 0;
        let faults = async {
            loop {
                tokio::time::sleep(Duration::from_secs(3)).await;
                let Ok(leader) = etcd.leader() else { continue };
                etcd.members()[leader].kill().unwrap();
                kills += 1;
                tokio::time::sleep(Duration::from_secs(2)).await;
                etcd.members()[leader].launch().unwrap();
            }
        };
        tokio::select! {
            () = all => (),
            () = faults => (),
            () = look(&first, &looks) => (),
        }
        let elapsed = started.elapsed();
        report(&ledger, elapsed, kills, *looks.lock().unwrap());
        assert!(kills > 0, "no leader was killed");

        let listed = first.list(&KeyRange::of_prefix("/calico/ipam/v2/")).await.unwrap();
        let snapshot = Snapshot::of_values(&listed.key_values);
        let found: BTreeMap<IpAddr, String> = snapshot
            .blocks
            .iter()
            .flat_map(|block| block.in_use())
            .map(|(address, attributes)| (address, attributes.handle_id.clone().unwrap()))
            .collect();
        assert_eq!(found, *ledger.held.lock().unwrap(), "what is stored is not what clients have");
        let findings = audit(&snapshot);
        assert!(findings.iter().all(|finding| finding.kind() == Kind::Leftover), "{findings:?}");
    });
}

fn report(ledger: &Ledger, elapsed: Duration, kills: u32, looks: u32) {
    let mut times = ledger.times.lock().unwrap().clone();
    times.sort();
    let quantile = |percent: usize| times[times.len() * percent / 100 - 1].as_millis();
    eprintln!(
        "{} requests of {CLIENTS} clients in {:.1} s ({:.0} a second): p50 {} ms, p99 {} ms; {kills} leaders killed, {looks} looks, failures {:?}",
        times.len(),
        elapsed.as_secs_f64(),
        times.len() as f64 / elapsed.as_secs_f64(),
        quantile(50),
        quantile(99),
        ledger.failures.lock().unwrap(),
    );
}

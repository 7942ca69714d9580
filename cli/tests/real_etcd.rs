//! The commands about objects against real etcd, in a namespace of its own.
//!
//! Needs root, and installs etcd where it is missing.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use margay_lab::{Etcd, EtcdSettings, Lab, Namespace, Segment};
use serde_json::Value;

/// A cluster, a place for its client, and a folder for files.
struct Cluster {
    etcd: Etcd,
    namespace: Namespace,
    folder: PathBuf,
    _segment: Segment,
    _lab: Lab,
}

impl Cluster {
    fn start() -> Self {
        let lab = Lab::new().unwrap();
        let segment = lab.segment("store").unwrap();
        let namespace = lab.namespace("client").unwrap();
        segment.attach(&namespace, "eth0", &["10.99.0.100/24"]).unwrap();
        let etcd =
            Etcd::start(&lab, &segment, &EtcdSettings { members: 1, ..EtcdSettings::default() }).unwrap();
        let folder = lab.directory().join("files");
        fs::create_dir(&folder).unwrap();
        Self { etcd, namespace, folder, _segment: segment, _lab: lab }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_margay"));
        command.args(words).env("ETCD_ENDPOINTS", self.etcd.endpoints().join(",")).env("HOME", &self.folder);
        command
    }

    fn margay(&self, words: &[&str]) -> Output {
        let mut command = self.command(words);
        self.namespace.inside(move || command.output()).unwrap().unwrap()
    }

    /// What a command prints that must succeed.
    fn ok(&self, words: &[&str]) -> String {
        let output = self.margay(words);
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command prints that must fail.
    fn fails(&self, words: &[&str]) -> String {
        let output = self.margay(words);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn watch(&self, words: &[&str]) -> Child {
        let mut command = self.command(words);
        command.stdout(Stdio::piped());
        self.namespace.inside(move || command.spawn()).unwrap().unwrap()
    }
}

const OBJECTS: &str = "\
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: rack-1
  labels: {rack: r1}
spec:
  peerIP: 192.0.2.1
  asNumber: 64512
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: pods
spec:
  cidr: 10.65.0.0/16
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata:
  name: web
  namespace: blue
spec:
  egress:
  - action: Allow
";

#[test]
fn objects_live_from_apply_to_delete() {
    let cluster = Cluster::start();
    let file = cluster.file("objects.yaml", OBJECTS);

    let dry = cluster.ok(&["apply", "-f", &file, "--dry-run"]);
    assert_eq!(
        dry,
        "bgppeer/rack-1 created (dry run)\nippool/pods created (dry run)\nnetworkpolicy/blue/web created (dry run)\n"
    );
    assert_eq!(cluster.ok(&["get", "bgppeer"]), "no objects\n");
    assert!(cluster.fails(&["replace", "-f", &file]).contains("bgppeer/rack-1: does not exist"));
    assert_eq!(cluster.ok(&["apply", "-f", &file]), dry.replace(" (dry run)", ""));
    assert_eq!(cluster.ok(&["apply", "-f", &file]), dry.replace("created (dry run)", "unchanged"));
    assert!(cluster.fails(&["create", "-f", &file]).contains("bgppeer/rack-1: exists already"));

    assert_eq!(
        cluster.ok(&["get", "bgppeers"]),
        "NAME    PEERIP     NODE  ASN\nrack-1  192.0.2.1        64512\n"
    );
    assert_eq!(
        cluster.ok(&["get", "np", "-n", "blue", "-o", "jsonpath={.items[*].spec.types[0]}"]),
        "Egress\n"
    );
    assert_eq!(cluster.ok(&["get", "pool", "-o", "name"]), "ippool/pods\n");
    let pool: Value = serde_json::from_str(&cluster.ok(&["get", "ippool/pods", "-o", "json"])).unwrap();
    assert_eq!(pool["spec"]["blockSize"], 26);
    assert_eq!(pool["spec"]["nodeSelector"], "all()");
    assert_eq!(cluster.ok(&["get", "bgppeer", "-l", "rack == 'r2'"]), "no objects\n");
    assert!(cluster.fails(&["get", "bgppeer", "none"]).contains("bgppeer/none does not exist"));

    // What get prints can be applied again, its revision with it.
    let shown = cluster.file("shown.yaml", &cluster.ok(&["get", "bgppeer/rack-1", "-o", "yaml"]));
    assert_eq!(cluster.ok(&["apply", "-f", &shown]), "bgppeer/rack-1 unchanged\n");
    assert_eq!(cluster.ok(&["label", "bgppeer", "rack-1", "row=3"]), "bgppeer/rack-1 changed\n");
    let stale = fs::read_to_string(&shown).unwrap().replace("64512", "64513");
    let stale = cluster.file("stale.yaml", &stale);
    assert!(cluster.fails(&["apply", "-f", &stale]).contains("was changed: it is at revision"));

    assert_eq!(
        cluster.ok(&["patch", "ippool", "pods", "-p", "spec: {disabled: true}"]),
        "ippool/pods changed\n"
    );
    assert!(
        cluster
            .fails(&["patch", "ippool", "pods", "-p", "spec: {cidr: 10.65.0.1/16}"])
            .contains("spec.cidr is \"10.65.0.1/16\"")
    );
    let check = cluster.ok(&["datastore", "check"]);
    assert_eq!(check, "3 entries, 0 errors, 0 warnings\n");

    let saved = cluster.file("saved.jsonl", &cluster.ok(&["datastore", "export"]));
    assert_eq!(cluster.ok(&["delete", "-f", &file]).lines().count(), 3);
    assert!(cluster.fails(&["delete", "bgppeer", "rack-1"]).contains("does not exist"));
    assert_eq!(
        cluster.ok(&["delete", "bgppeer", "rack-1", "--ignore-not-found"]),
        "bgppeer/rack-1 does not exist\n"
    );
    assert_eq!(cluster.ok(&["datastore", "import", &saved]), "3 written, 0 were there already, 0 failed\n");
    assert_eq!(cluster.ok(&["get", "bgppeer", "-o", "jsonpath={.items[0].metadata.labels.row}"]), "3\n");
}

#[test]
fn a_watch_shows_what_is_there_and_each_change() {
    let cluster = Cluster::start();
    let file = cluster.file("objects.yaml", OBJECTS);
    cluster.ok(&["apply", "-f", &file]);
    let mut watch = cluster.watch(&["get", "bgppeer", "--watch"]);
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert_eq!(next(), "NAME  PEERIP  NODE  ASN");
    assert_eq!(next(), "rack-1  192.0.2.1    64512");
    cluster.ok(&["patch", "bgppeer", "rack-1", "-p", "spec: {asNumber: 65000}"]);
    assert_eq!(next(), "rack-1  192.0.2.1    65000");
    cluster.ok(&["delete", "bgppeer", "rack-1"]);
    assert_eq!(next(), "bgppeer/rack-1 deleted");
    watch.kill().unwrap();
    watch.wait().unwrap();
}

#[test]
fn a_file_with_errors_changes_nothing() {
    let cluster = Cluster::start();
    let broken = format!(
        "{OBJECTS}---\napiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata:\n  name: b\nspec:\n  cidr: 10.0.0.0/33\n"
    );
    let file = cluster.file("broken.yaml", &broken);
    let answer = cluster.fails(&["apply", "-f", &file]);
    assert!(
        answer.contains("broken.yaml:31:9: IPPool b: spec.cidr is 10.0.0.0/33; it must be a network"),
        "{answer}"
    );
    assert_eq!(cluster.ok(&["get", "bgppeer"]), "no objects\n");
}

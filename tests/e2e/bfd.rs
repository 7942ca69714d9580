//! The daemon's BFD thread with BIRD's as the remote system.

use std::net::IpAddr;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use margay::bfd::{self, BfdHandle, BfdSession, PathState, PathWatch};
use margay_bfd::{
    Authentication, AuthenticationKind, DownReason, Hops, Intervals, Key, SessionKey, SessionOptions, State,
};
use margay_lab::{Attachment, Lab, Namespace, wait_until};

const PATIENCE: Duration = Duration::from_secs(20);

/// Two systems on a segment: this daemon's thread, and BIRD.
struct Rig {
    bird: Child,
    bird_namespace: Namespace,
    cable: Attachment,
    handle: BfdHandle,
    runtime: tokio::runtime::Runtime,
    directory: std::path::PathBuf,
    _lab: Lab,
}

impl Rig {
    /// `sessions` is what BIRD's `protocol bfd` says.
    fn new(sessions: &str) -> Self {
        let lab = Lab::new().unwrap();
        let (ours, theirs) = (lab.namespace("margay").unwrap(), lab.namespace("bird").unwrap());
        let segment = lab.segment("wire").unwrap();
        segment.attach(&ours, "eth0", &["10.9.0.1/24", "fd09::1/64"]).unwrap();
        let cable = segment.attach(&theirs, "eth0", &["10.9.0.2/24", "fd09::2/64"]).unwrap();
        let directory = lab.directory().to_owned();
        let configuration = directory.join("bfd.conf");
        let text = format!("router id 10.9.0.2;\nprotocol device {{}}\nprotocol bfd {{ {sessions} }}\n");
        std::fs::write(&configuration, text).unwrap();
        let mut command = theirs.command("bird");
        command.arg("-f").arg("-c").arg(&configuration).arg("-s").arg(directory.join("bfd.ctl"));
        let bird = command.stderr(Stdio::null()).spawn().unwrap();
        let handle = ours.inside(|| bfd::start(42)).unwrap().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { bird, bird_namespace: theirs, cable, handle, runtime, directory, _lab: lab }
    }

    fn start(&self, key: SessionKey, local: &str, options: SessionOptions) -> PathWatch {
        self.handle.watch(BfdSession { key, local: local.parse().unwrap(), options })
    }

    /// What BIRD says of its sessions.
    fn birdc(&self, words: &str) -> String {
        let mut command = self.bird_namespace.command("birdc");
        command.arg("-s").arg(self.directory.join("bfd.ctl")).args(words.split(' '));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }

    fn wait_for_bird(&self, state: &str, count: usize) {
        wait_until(PATIENCE, "BIRD's sessions", || {
            let sessions = self.birdc("show bfd sessions");
            if sessions.matches(state).count() == count { Ok(()) } else { Err(sessions) }
        });
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.bird.kill().and_then(|()| self.bird.wait()).unwrap();
    }
}

fn key(remote: &str, hops: Hops) -> SessionKey {
    SessionKey { remote: remote.parse::<IpAddr>().unwrap(), interface: None, hops }
}

fn options(authentication: Option<Authentication>) -> SessionOptions {
    let interval = Duration::from_millis(50);
    SessionOptions { intervals: Intervals::new(interval, interval, 3).unwrap(), authentication }
}

fn wait_for(path: &PathWatch, what: &str, is_met: impl Fn(PathState) -> bool) {
    wait_until(PATIENCE, what, || {
        let now = path.state();
        if is_met(now) { Ok(()) } else { Err(format!("{now:?}")) }
    });
}

const INTERVALS: &str =
    "min rx interval 50 ms; min tx interval 50 ms; idle tx interval 200 ms; multiplier 3;";

#[test]
fn bird_and_margay_see_each_other_over_both_families_and_any_hops() {
    let rig = Rig::new(&format!(
        "interface \"*\" {{ {INTERVALS} }}; multihop {{ {INTERVALS} }};
         neighbor 10.9.0.1; neighbor fd09::1; neighbor 10.9.0.1 local 10.9.0.2 multihop on;"
    ));
    let sessions = [
        (key("10.9.0.2", Hops::Single), "10.9.0.1"),
        (key("fd09::2", Hops::Single), "fd09::1"),
        (key("10.9.0.2", Hops::Multiple), "10.9.0.1"),
    ];
    let paths = sessions.map(|(key, local)| rig.start(key, local, options(None)));
    for path in &paths {
        wait_for(path, "the session", |state| state.is_up);
    }
    rig.wait_for_bird("Up", 3);
    let statuses = rig.runtime.block_on(rig.handle.statuses()).unwrap();
    assert_eq!(statuses.len(), 3);
    for status in statuses {
        assert_eq!(status.session.state, State::Up);
        assert_eq!(status.session.detection_time, Some(Duration::from_millis(150)));
    }
    drop(paths);
    rig.runtime.block_on(rig.handle.settle()).unwrap();
    rig.wait_for_bird("Up", 0);
}

#[test]
fn each_kind_of_authentication_comes_up_with_bird_and_another_secret_does_not() {
    for (kind, name) in [
        (AuthenticationKind::SimplePassword, "simple"),
        (AuthenticationKind::KeyedMd5, "keyed md5"),
        (AuthenticationKind::MeticulousKeyedMd5, "meticulous keyed md5"),
        (AuthenticationKind::KeyedSha1, "keyed sha1"),
        (AuthenticationKind::MeticulousKeyedSha1, "meticulous keyed sha1"),
    ] {
        let rig = Rig::new(&format!(
            "interface \"*\" {{ {INTERVALS} authentication {name}; password \"secret\" {{ id 7; }}; }};
             neighbor 10.9.0.1;"
        ));
        let with = |secret: &str| {
            let key = Key::new(kind, 7, secret.as_bytes()).unwrap();
            options(Some(Authentication::new(kind, key, Vec::new())))
        };
        let path = rig.start(key("10.9.0.2", Hops::Single), "10.9.0.1", with("secret"));
        wait_for(&path, name, |state| state.is_up);
        rig.wait_for_bird("Up", 1);
        path.change(with("other"));
        wait_for(&path, name, |state| !state.is_up);
    }
}

/// RFC 5882 §4.2: the remote system's user is informed that the session was disabled, not that the path failed.
#[test]
fn a_watch_that_is_dropped_disables_the_session_and_another_begins_anew() {
    let rig = Rig::new(&format!("interface \"*\" {{ {INTERVALS} }}; neighbor 10.9.0.1;"));
    for _ in 0..3 {
        let path = rig.start(key("10.9.0.2", Hops::Single), "10.9.0.1", options(None));
        wait_for(&path, "the session", |state| state.is_up);
        rig.wait_for_bird("Up", 1);
        drop(path);
        rig.runtime.block_on(rig.handle.settle()).unwrap();
        // Sooner than the detection time.
        let statuses = rig.runtime.block_on(rig.handle.statuses()).unwrap();
        assert!(statuses.iter().all(|status| status.is_leaving), "{statuses:?}");
    }
    wait_until(PATIENCE, "no session is left", || {
        let statuses = rig.runtime.block_on(rig.handle.statuses()).unwrap();
        if statuses.is_empty() { Ok(()) } else { Err(format!("{statuses:?}")) }
    });
}

#[test]
fn a_cut_is_seen_within_the_detection_time_and_a_mended_cable_comes_up_again() {
    let rig = Rig::new(&format!("interface \"*\" {{ {INTERVALS} }}; neighbor 10.9.0.1;"));
    let mut path = rig.start(key("10.9.0.2", Hops::Single), "10.9.0.1", options(None));
    for round in 0..5 {
        wait_for(&path, "the session", |state| state.is_up);
        rig.wait_for_bird("Up", 1);
        assert_eq!(path.state().losses, round, "no loss without a cut");
        let cut = Instant::now();
        rig.cable.cut().unwrap();
        let reason = rig.runtime.block_on(path.failed());
        let elapsed = cut.elapsed();
        assert!(
            elapsed < Duration::from_millis(500),
            "seen after {elapsed:?}, on a machine that may be busy"
        );
        assert_eq!(reason, DownReason::DetectionTimeExpired);
        rig.cable.restore().unwrap();
    }
}

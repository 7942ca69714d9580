//! TCP passwords that change under running sessions, one side after the other.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use margay_lab::{Margay, PeerSettings, Router, wait_until};

use crate::pair::{PATIENCE, wait_for_state};
use crate::wire::{Wire, network, peer, wait_for_networks};

/// Long enough for both changes, and short enough to be waited for.
const HOLD_TIME: Duration = Duration::from_secs(15);

/// A file with a password that is removed at the end.
pub(crate) struct KeyFile(PathBuf);

impl KeyFile {
    pub(crate) fn new(name: &str, password: &str) -> Self {
        let file = Self(std::env::temp_dir().join(format!("margay-{}-{name}.key", std::process::id())));
        file.write(password);
        file
    }

    pub(crate) fn write(&self, password: &str) {
        fs::write(&self.0, format!("{password}\n")).unwrap();
    }

    /// The setting of a peer with this file.
    pub(crate) fn setting(&self) -> String {
        format!("password_file = {:?}", self.0.display().to_string())
    }

    fn peer(&self, number: u8) -> PeerSettings {
        PeerSettings { extra: self.setting(), hold_time: HOLD_TIME, ..peer(number) }
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

#[test]
fn a_session_survives_when_both_sides_change_the_password_one_after_the_other() {
    let wire = Wire::new();
    let keys = ["one", "other"].map(|name| KeyFile::new(name, "catnip"));
    let mut margays = [1, 2].map(|own: u8| {
        let key = &keys[usize::from(own - 1)];
        wire.margay(&format!("margay{own}"), own, |settings| settings.peers = vec![key.peer(3 - own)])
    });
    margays.iter_mut().for_each(|margay| margay.start().unwrap());
    let started = wait_for_session(&margays);
    for (round, password) in ["dognip", "cognip"].into_iter().enumerate() {
        for (margay, key) in margays.iter().zip(&keys) {
            key.write(password);
            let report = margay.cli("reload").unwrap();
            assert!(report.contains("password_file: session kept"), "{report}");
            // What is sent meanwhile is sent again.
            std::thread::sleep(Duration::from_secs(2));
        }
        let new = u8::try_from(10 + round).unwrap();
        margays[0].settings().networks.push(network(new));
        margays[0].reload().unwrap();
        wait_for_networks(&margays[1], &(10..=new).collect::<Vec<_>>());
    }
    std::thread::sleep(HOLD_TIME + Duration::from_secs(1));
    for (margay, other) in margays.iter().zip([2, 1]) {
        let uptime = margay.uptime_seconds(&format!("peer{other}")).unwrap();
        assert!(uptime + 2 >= started.elapsed().as_secs(), "the session is the first one: {uptime} s");
    }
    // A new session has the new password, too.
    margays[0].cli("peer peer2 reset").unwrap();
    wait_for_session(&margays);
}

fn wait_for_session(margays: &[Margay; 2]) -> Instant {
    for (margay, other) in margays.iter().zip([2, 1]) {
        wait_for_state(margay, &format!("peer{other}"), |state| state == "established", "established");
    }
    Instant::now()
}

/// BIRD changes its password by a new session. What it sends to end the present one has the former password, and is dropped.
#[test]
fn a_peer_that_starts_a_new_session_for_its_new_password_does_not_wait_for_the_hold_time() {
    let wire = Wire::new();
    let key = KeyFile::new("bird", "catnip");
    let mut margay = wire.margay("margay", 1, |settings| {
        settings.peers = vec![PeerSettings { hold_time: Duration::from_secs(90), ..key.peer(2) }];
    });
    let mut bird = wire.bird("bird", 2, |settings| {
        settings.peers = vec![PeerSettings { extra: "password \"catnip\";".to_owned(), ..peer(1) }];
        settings.networks = vec![network(2)];
    });
    bird.start().unwrap();
    margay.start().unwrap();
    wait_for_networks(&margay, &[2]);
    // A new connection right after the start would be a collision.
    std::thread::sleep(Duration::from_secs(11));
    key.write("dognip");
    margay.cli("reload").unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let changed = Instant::now();
    "password \"dognip\";".clone_into(&mut bird.settings().peers[0].extra);
    bird.settings().networks.push(network(3));
    bird.reload().unwrap();
    wait_until(PATIENCE, "the routes of the new session", || {
        let routes = margay.routes().map_err(|error| format!("{error:#}"))?;
        if routes.len() == 2 { Ok(()) } else { Err(format!("{routes:?}")) }
    });
    assert!(changed.elapsed() < Duration::from_secs(40), "after {:?}", changed.elapsed());
}

//! Recordings: a replay leads to the same state again, to the octet.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use margay::recording::{Ending, Record, Replay, replay};
use margay_lab::{Margay, Router, wait_until};

use crate::pair::{PATIENCE, wait_for_state};
use crate::wire::{Wire, client, identifier, network, peer, wait_for_networks};

#[test]
fn what_was_recorded_leads_to_the_same_state_when_margayd_is_killed_and_when_it_is_stopped() {
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| {
        settings.kernel = true;
        settings.networks = vec![network(1)];
        settings.peers = [2, 3, 11].map(|number| client(number, identifier(1))).into();
        settings.peers[1].add_path = true;
        settings.extra = format!(
            "[filter.but-50]\nrules = [{{ match = {{ prefix = \"{}\" }}, action = \"reject\" }}, \
             {{ action = \"accept\", set_local_pref = 200 }}]\n",
            network(50)
        );
    });
    let mut birds = [2, 3].map(|number| {
        wire.bird(&format!("bird{number}"), number, |settings| {
            settings.networks = vec![network(number), network(40)];
            settings.peers = vec![peer(1)];
            settings.peers[0].add_path = number == 3;
        })
    });
    let recording = margay.record();
    margay.start().unwrap();
    birds.iter_mut().for_each(|bird| bird.start().unwrap());
    let raw = wire.place("raw", &[11]);
    let mut reader = wire.dial(&raw, 11, 1, false);
    [50, 51, 52].into_iter().for_each(|number| reader.announce_network(number));
    reader.withdraw_network(52);
    wait_for_networks(&margay, &[2, 3, 40, 50, 51]);

    // A session that flaps, and reloads that change filters, networks and peers.
    birds[0].kill().unwrap();
    wait_for_state(&margay, "peer2", |state| state != "established", "down");
    margay.settings().peers[2].extra = "import = [\"but-50\"]".to_owned();
    margay.settings().networks.push(network(60));
    margay.reload().unwrap();
    birds[0].start().unwrap();
    wait_for_networks(&margay, &[2, 3, 40, 51]);
    wait_for_networks(&birds[1], &[1, 2, 51, 60]);
    reader.wait_for(&[1, 2, 3, 40, 60]);

    let killed_in = wait_for_the_same(&margay, &recording);
    assert!(killed_in.contains(&network(51)), "{killed_in}");
    margay.kill().unwrap();
    let killed = replayed(&recording);
    assert_eq!((killed.rib.view().dump().to_string(), killed.ending), (killed_in.clone(), Ending::Open));

    // What is cut off in the middle of a block leads to where the block before ended.
    let octets = fs::read(&recording).unwrap();
    let torn = replay(&octets[..octets.len() - 1], |_, _| true).unwrap();
    assert_eq!(torn.ending, Ending::Torn);
    assert!((1..killed.inputs).contains(&torn.inputs), "{} of {}", torn.inputs, killed.inputs);

    // The next run keeps the file under another name, and ends in order.
    margay.start().unwrap();
    wait_for_networks(&margay, &[2, 3, 40]);
    assert!(margay.terminate().unwrap().success());
    let stopped = replayed(&recording);
    assert_eq!(stopped.ending, Ending::Same);
    assert!(stopped.rib.view().dump().to_string().contains(&network(40)));
    let former = replayed(&recording.with_extension("recording.old"));
    assert_eq!(former.rib.view().dump().to_string(), killed_in);
}

#[test]
fn a_recording_holds_no_password_and_only_its_owner_may_read_it() {
    use std::os::unix::fs::MetadataExt;

    const SECRET: &str = "correct-horse-battery-staple";
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| settings.peers = vec![peer(2)]);
    let recording = margay.record();
    let secret = recording.with_extension("secret");
    fs::write(&secret, SECRET).unwrap();
    margay.settings().peers[0].extra = format!("password_file = \"{}\"", secret.display());
    margay.start().unwrap();
    assert!(margay.terminate().unwrap().success());
    let octets = fs::read(&recording).unwrap();
    assert!(!octets.windows(SECRET.len()).any(|octets| octets == SECRET.as_bytes()));
    assert_eq!(fs::metadata(&recording).unwrap().mode() & 0o777, 0o600);
    let mut inputs = 0;
    let replay = replay(octets.as_slice(), |_, record| {
        inputs += u64::from(matches!(record, Record::Input(_)));
        true
    });
    let replay = replay.unwrap();
    assert_eq!((replay.inputs, replay.ending), (inputs, Ending::Same));
}

/// Waits until the recording so far replays to the state that the daemon shows, and returns that state.
#[track_caller]
fn wait_for_the_same(margay: &Margay, recording: &Path) -> String {
    wait_until(PATIENCE, "the state of the recording", || {
        let shown = margay.cli("show state").map_err(|error| format!("{error:#}"))?;
        let replayed = replayed(recording).rib.view().dump().to_string();
        let difference = || shown.lines().zip(replayed.lines()).find(|(one, other)| one != other);
        if shown == replayed { Ok(shown) } else { Err(format!("{:?}", difference())) }
    })
}

#[track_caller]
fn replayed(recording: &Path) -> Replay {
    let file = BufReader::new(File::open(recording).unwrap());
    replay(file, |_, _| true).unwrap()
}

//! Compare-and-swap among several writers, while members die.

use std::time::Duration;

use margay_datastore::{Client, Expected, SwapOutcome};
use margay_lab::EtcdSettings;

use crate::cluster::{Cluster, PREFIX, client};

/// Each writer adds its mark to the one key, and notes what it was told of it.
async fn add_marks(client: Client, writer: u32, until: tokio::time::Instant) -> (Vec<String>, Vec<String>) {
    let key = format!("{PREFIX}marks");
    let (mut written, mut doubtful) = (Vec::new(), Vec::new());
    for number in 0.. {
        if tokio::time::Instant::now() >= until {
            break;
        }
        let Ok(current) = client.get(key.as_bytes()).await else { continue };
        let mark = format!("{writer}.{number}");
        let (expected, old) = match &current {
            Some(current) => {
                (Expected::At(current.stamp), String::from_utf8_lossy(&current.value).into_owned())
            }
            None => (Expected::Absent, String::new()),
        };
        match client.swap(key.as_bytes(), expected, Some(format!("{old} {mark}").into())).await {
            SwapOutcome::Written(_) => written.push(mark),
            SwapOutcome::Overtaken(_) | SwapOutcome::Unknown(_) => doubtful.push(mark),
            SwapOutcome::Conflict(_) | SwapOutcome::Refused(_) => (),
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    (written, doubtful)
}

#[test]
fn no_write_is_lost_or_made_twice_while_leaders_are_killed() {
    let mut cluster = Cluster::start(&EtcdSettings::default());
    let options = cluster.options();
    cluster.run(async |etcd| {
        let until = tokio::time::Instant::now() + Duration::from_secs(20);
        let writers: Vec<_> =
            (0..4).map(|writer| tokio::spawn(add_marks(client(options.clone()), writer, until))).collect();
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let Ok(leader) = etcd.leader() else { continue };
            etcd.members()[leader].kill().expect("killed");
            tokio::time::sleep(Duration::from_secs(2)).await;
            etcd.members()[leader].launch().expect("launched");
        }
        let (mut written, mut doubtful) = (Vec::new(), Vec::new());
        for writer in writers {
            let (own, unsure) = writer.await.expect("a writer");
            written.extend(own);
            doubtful.extend(unsure);
        }
        let last = client(options).get(format!("{PREFIX}marks").as_bytes()).await.expect("the key");
        let value = last.expect("marks").value;
        let text = String::from_utf8_lossy(&value).into_owned();
        let marks: Vec<&str> = text.split_whitespace().collect();
        let mut unique = marks.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), marks.len(), "a mark was made twice");
        let missing: Vec<&String> = written.iter().filter(|mark| !marks.contains(&mark.as_str())).collect();
        assert!(missing.is_empty(), "said to be written and not there: {missing:?}");
        let unexpected: Vec<&&str> = marks
            .iter()
            .filter(|mark| !written.iter().chain(&doubtful).any(|known| known == **mark))
            .collect();
        assert!(unexpected.is_empty(), "said not to be written and there: {unexpected:?}");
        assert!(written.len() > 50, "only {} writes", written.len());
    });
}

//! Random histories of writes and faults on a real cluster.

use margay_datastore::{Client, KeyRange};
use margay_lab::{Etcd, EtcdSettings};

use crate::cluster::{Cluster, Follower, client, feed, write};

/// How many histories; each takes about a third of a second.
const HISTORIES: u64 = 200;

#[test]
fn readers_end_equal_to_the_store_after_random_histories() {
    let mut cluster = Cluster::start(&EtcdSettings::default());
    let mut options = cluster.options();
    options.page_keys = 7;
    cluster.run(async |etcd| {
        let client = client(options);
        let feed = feed(&client);
        let mut early = Follower::of(&feed);
        for seed in 0..HISTORIES {
            let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
            let mut late = None;
            for step in 0..10 {
                match random.below(20) {
                    0 => compact(&client).await,
                    1 if late.is_none() => late = Some(Follower::of(&feed)),
                    2 if seed % 10 == 0 => restart(etcd, random.below(3)),
                    _ => {
                        let key = format!("{:02}", random.below(30));
                        let value = (random.below(3) > 0).then(|| format!("{seed}.{step}"));
                        write(&client, &key, value.as_deref()).await;
                    }
                }
            }
            early.until_equal(&client).await;
            if let Some(late) = &mut late {
                late.until_equal(&client).await;
                assert_eq!(late.in_sync, 1);
            }
        }
        assert_eq!(early.in_sync, 1);
    });
}

fn restart(etcd: &mut Etcd, index: u64) {
    let members = etcd.members();
    let member = &mut members[usize::try_from(index).expect("a small number")];
    member.kill().expect("killed");
    member.launch().expect("launched");
}

async fn compact(client: &Client) {
    if let Ok(listed) = client.list(&KeyRange::of_prefix("/")).await {
        // It may have been compacted up to there before, or be without a leader.
        client.compact(listed.revision).await.ok();
    }
}

/// A small generator, so that a history follows from its number.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

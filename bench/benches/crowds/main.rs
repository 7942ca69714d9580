//! Longest step of a Rib with very many paths to a prefix, and its growth with their number.
//!
//! A step is what the speaker does between two polls of its inputs: an UPDATE, a slice of work, a part of
//! what a peer is sent or of what the kernel is programmed with. It is measured in processor time of the
//! thread, which other programs hardly affect.

#![expect(clippy::unwrap_used, reason = "a benchmark that panics has failed")]
#![expect(clippy::print_stdout, reason = "that is what it is for")]

mod scene;

use std::num::NonZeroU16;

use margay_rib::PathsSent;

use self::scene::{Readers, Scene, Sets};

fn main() {
    println!("paths of one peer to one prefix; milliseconds of processor time, and of the longest step");
    for readers in [Readers::Plain, Readers::Forwarding, all(), best(2), best(16)] {
        for sets in [Sets::Few, Sets::OneEach] {
            for paths in [25_000, 50_000, 100_000] {
                one_prefix(paths, sets, readers);
            }
        }
    }
    println!("\npeers with 100 prefixes in common");
    for peers in [1_000, 2_000, 4_000] {
        shared_prefixes(peers);
    }
}

fn all() -> Readers {
    Readers::AddPath(PathsSent::All)
}

fn best(most: u16) -> Readers {
    Readers::AddPath(PathsSent::Best(NonZeroU16::new(most).unwrap()))
}

/// All paths are announced, their next hop is lost and found, they are imported by new filters, half of them
/// are withdrawn, and the peer leaves.
fn one_prefix(paths: u32, sets: Sets, readers: Readers) {
    let mut scene = Scene::with_one_feed(sets, readers);
    let mut line = format!("{readers:<12} {sets:<13} {paths:>7}");
    scene.announce(paths);
    line += &scene.take_phase("announce");
    if readers == Readers::Forwarding {
        scene.change_next_hop_costs(1);
        line += &scene.take_phase("cost");
        scene.lose_next_hops();
        line += &scene.take_phase("lost");
        scene.change_next_hop_costs(0);
        line += &scene.take_phase("found");
    }
    scene.import_by_other_filters();
    line += &scene.take_phase("reimport");
    scene.withdraw(paths / 2);
    line += &scene.take_phase("withdraw");
    scene.lose_feed();
    line += &scene.take_phase("down");
    assert_eq!(scene.paths(), 0);
    println!("{line}");
}

/// Peers with the same prefixes come up one by one, and leave one by one.
fn shared_prefixes(peers: u32) {
    let mut scene = Scene::with_nodes(peers);
    let mut line = format!("{peers:>7}");
    scene.announce_shared();
    line += &scene.take_phase("come");
    scene.lose_nodes();
    line += &scene.take_phase("go");
    assert_eq!(scene.paths(), 0);
    println!("{line}");
}

//! Malformed attributes, and what RFC 7606 makes of each.

use anyhow::{Result, ensure};

use super::chain::{Chain, Direction};
use crate::probe::{attribute, attributes};
use crate::stage::Stage;

/// What becomes of a route with a malformed attribute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    /// Treat-as-withdraw.
    Withdrawn,
    /// Attribute discard.
    Kept,
}

/// A name, the octets of attributes after the well-known ones, and the fate of the route.
const CASES: [(&str, &[u8], Fate); 6] = [
    ("COMMUNITIES of 3 octets (§7.8)", &[0xc0, 8, 3, 1, 2, 3], Fate::Withdrawn),
    ("MULTI_EXIT_DISC of 3 octets (§7.4)", &[0x80, 4, 3, 0, 0, 1], Fate::Withdrawn),
    ("EXTENDED COMMUNITIES of 7 octets (§7.14)", &[0xc0, 16, 7, 0, 2, 0, 1, 0, 0, 0], Fate::Withdrawn),
    ("ATOMIC_AGGREGATE of 1 octet (§7.6)", &[0x40, 6, 1, 0], Fate::Kept),
    ("AGGREGATOR of 3 octets (§7.7)", &[0xc0, 7, 3, 1, 2, 3], Fate::Kept),
    ("ORIGIN a second time (§3 g)", &[0x40, 1, 1, 2], Fate::Kept),
];

/// Sends each case as the replacement of a good route, and looks at the end of the chain.
pub(super) fn handled(stage: &mut Stage, direction: Direction) -> Result<()> {
    let mut chain = Chain::new(stage, direction)?;
    let good = attributes(&[65003], chain.own);
    let mark = |number: usize| {
        attribute(0xc0, 32, &[0, 0, 0xfd, 0xeb, 0, 0, 0, 0, 0, 0, 0, u8::try_from(number).unwrap_or(0)])
    };
    for (number, (name, octets, fate)) in CASES.into_iter().enumerate() {
        chain.source.announce(&["10.3.0.0/24"], &good, chain.own)?;
        stage.clock.until("the good route arrives", || {
            let route = chain.sink.route("10.3.0.0/24")?;
            ensure!(!route.contains_key(&32), "it is the former one");
            Ok(())
        })?;
        // The large community tells the replacement from the good route.
        let replacement = [&good, &mark(number), octets].concat();
        chain.source.announce(&["10.3.0.0/24"], &replacement, chain.own)?;
        stage.clock.until(&format!("{name}: {fate:?}"), || {
            ensure!(!chain.source.is_closed(), "the session is over: {:?}", chain.source.notification());
            match fate {
                Fate::Withdrawn => chain.sink.lacks("10.3.0.0/24"),
                Fate::Kept => {
                    let route = chain.sink.route("10.3.0.0/24")?;
                    ensure!(route.contains_key(&32), "it is the former one");
                    ensure!(route.get(&1).is_some_and(|(_, origin)| origin == &[0]), "{route:?}");
                    ensure!(!route.contains_key(&6) && !route.contains_key(&7), "{route:?}");
                    Ok(())
                }
            }
        })?;
    }
    // Mandatory attributes: an ORIGIN of 9 (§7.1), an AS_PATH that is cut (§7.2), no NEXT_HOP (§3 d).
    let [origin, as_path, next_hop] = [0, 1, 2].map(|index| split(&good, index));
    let broken = [
        ("ORIGIN 9", [&attribute(0x40, 1, &[9]), as_path, next_hop].concat()),
        ("AS_PATH that is cut", [origin, &attribute(0x40, 2, &[2, 2, 0, 0, 0xfd, 0xeb]), next_hop].concat()),
        ("no NEXT_HOP", [origin, as_path].concat()),
    ];
    for (name, octets) in broken {
        chain.source.announce(&["10.3.0.0/24"], &good, chain.own)?;
        stage.clock.until("the good route arrives", || chain.sink.route("10.3.0.0/24"))?;
        chain.source.announce(&["10.3.0.0/24"], &octets, chain.own)?;
        stage.clock.until(&format!("{name}: withdrawn"), || {
            ensure!(!chain.source.is_closed(), "the session is over: {:?}", chain.source.notification());
            chain.sink.lacks("10.3.0.0/24")
        })?;
    }
    stage.is_established(chain.first, chain.second)
}

/// The whole attribute at an index; all have short lengths.
fn split(octets: &[u8], index: usize) -> &[u8] {
    let length = 3 + usize::from(octets[2]);
    if index == 0 { &octets[..length] } else { split(&octets[length..], index - 1) }
}

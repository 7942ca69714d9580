//! Initial hold-back, during which peers are sent own routes only.

use margay_rib::{NetworkOptions, NotExported, PeerIndex, Rib};

use super::by_hand::{BLOCK, Exports, attributes, exports, gateway, parse, reach, rib, unreach};
use super::cast::options;

/// Announced by two external peers in turn, each time with a better path.
const CONTESTED: &str = "10.65.2.0/26";

fn settled(rib: &mut Rib, peer: PeerIndex) -> Exports {
    while rib.work(1000) {}
    exports(rib, peer)
}

#[test]
fn withheld_changes_are_sent_once_and_own_routes_at_once() {
    let mut rib = rib();
    rib.hold_back();
    let feeds = [0, 8].map(|peer| rib.peer_up(options(peer), None));
    let reader = rib.peer_up(options(4), None);
    for round in 0..10 {
        for feed in feeds {
            let med = 100 - round;
            let update = reach(&[CONTESTED, "10.65.3.0/26"], attributes(|it| it.med = Some(med)), gateway());
            rib.apply_update(feed, update);
        }
    }
    rib.originate(parse(&[BLOCK])[0].into(), NetworkOptions::default());
    feeds.iter().for_each(|&feed| rib.apply_update(feed, unreach(&["10.65.3.0/26"])));

    let held = settled(&mut rib, reader);
    assert_eq!(
        (held.reached, held.unreached, held.messages),
        (parse(&[BLOCK]), Vec::new(), 1),
        "no End-of-RIB"
    );
    let explained = rib.view().explain(parse(&[CONTESTED])[0].into()).expect("there are paths");
    let refusals = explained.exports.iter().filter(|view| view.refusal == Some(NotExported::HeldBack));
    assert_eq!(refusals.count(), 2, "all but the source of the best path");

    rib.end_hold_back();
    let all = settled(&mut rib, reader);
    assert_eq!((all.reached, all.unreached), (parse(&[CONTESTED]), Vec::new()));
    assert_eq!(all.messages, 3, "the route, and the ends of both families' tables");

    rib.apply_update(feeds[0], unreach(&[CONTESTED]));
    rib.apply_update(feeds[1], unreach(&[CONTESTED]));
    rib.end_hold_back();
    assert_eq!(settled(&mut rib, reader).unreached, parse(&[CONTESTED]), "the hold-back is over");
}

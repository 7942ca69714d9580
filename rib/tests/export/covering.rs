//! Look-ups by address: the route that covers it.

use margay_rib::Rib;

use super::by_hand::{attributes, feed_and_reader, gateway, reach};
use super::cast::LOCAL_ASN;

fn prefixes(rib: &Rib, address: &str) -> Vec<String> {
    let covering = rib.view().covering(address.parse().expect("an address"));
    covering.into_iter().map(|prefix| prefix.to_string()).collect()
}

#[test]
fn the_longest_prefix_with_a_usable_path_is_the_route_of_an_address() {
    let (mut rib, feed, _) = feed_and_reader();
    let looped = || attributes(|it| it.as_path.prepend(LOCAL_ASN, 1));
    rib.apply_update(feed, reach(&["0.0.0.0/0", "10.65.1.0/26"], attributes(|_| {}), gateway()));
    rib.apply_update(feed, reach(&["10.65.1.4/30", "172.16.0.0/12"], looped(), gateway()));
    let route = |address: &str| {
        rib.view().route_to(address.parse().expect("an address")).map(|prefix| prefix.to_string())
    };
    assert_eq!(prefixes(&rib, "10.65.1.5"), ["10.65.1.4/30", "10.65.1.0/26", "0.0.0.0/0"]);
    assert_eq!(route("10.65.1.5").as_deref(), Some("10.65.1.0/26"), "the longest one is refused");
    assert_eq!(route("172.16.1.1").as_deref(), Some("0.0.0.0/0"));
    assert_eq!(prefixes(&rib, "2001:db8::1"), [""; 0]);
    assert_eq!(route("2001:db8::1"), None);
    let (mut rib, feed, _) = feed_and_reader();
    rib.apply_update(feed, reach(&["172.16.0.0/12"], looped(), gateway()));
    let only =
        rib.view().route_to("172.16.1.1".parse().expect("an address")).map(|prefix| prefix.to_string());
    assert_eq!(only.as_deref(), Some("172.16.0.0/12"), "shown with the reason why it is unusable");
}

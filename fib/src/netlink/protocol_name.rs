//! Names that Linux gives to route protocol numbers (rtnetlink(7), `rtm_protocol`).

pub(crate) fn protocol_name(number: u8) -> Option<&'static str> {
    NAMES.iter().find(|&&(known, _)| known == number).map(|&(_, name)| name)
}

const NAMES: [(u8, &str); 14] = [
    (1, "redirect"),
    (2, "kernel"),
    (3, "boot"),
    (4, "static"),
    (9, "ra"),
    (11, "zebra"),
    (12, "bird"),
    (15, "xorp"),
    (16, "dhcp"),
    (42, "babel"),
    (186, "bgp"),
    (187, "isis"),
    (188, "ospf"),
    (189, "rip"),
];

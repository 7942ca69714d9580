//! Cells that are known to fail, and why.

use crate::daemon::Kind;

/// Subject, peer, scenario, and whose behaviour it is.
const KNOWN: &[(Kind, Kind, &str, &str)] = &[
    (
        Kind::Margay,
        Kind::Gobgp,
        "hold-time-zero",
        "GoBGP 3.10 takes the hold time for the deadline of its writes: with 0, the first one fails, and it closes the session.",
    ),
    (
        Kind::Margay,
        Kind::Gobgp,
        "replace-and-withdraw",
        "GoBGP 3.10 drops an announcement with its own AS in the path, and keeps and advertises the route that it replaces \
         (RFC 4271 §9.1.1 has the former route removed).",
    ),
    (
        Kind::Margay,
        Kind::Openbgpd,
        "communities-through",
        "OpenBGPD 7.7 passes an extended community of an unknown type on with zeros in place of its value.",
    ),
    (
        Kind::Margay,
        Kind::Openbgpd,
        "both-families-one-session",
        "OpenBGPD 7.7 on Linux announces ::1 as the next hop of IPv6 routes in a session over IPv4, which margay rejects.",
    ),
    (Kind::Margay, Kind::Exabgp, "refresh-of-subject", EXABGP_REFRESH),
    (Kind::Margay, Kind::Exabgp, "enhanced-refresh", EXABGP_REFRESH),
    (Kind::Margay, Kind::Openbgpd, "refresh-of-subject", OPENBGPD_REFRESH),
    (Kind::Margay, Kind::Openbgpd, "enhanced-refresh", OPENBGPD_REFRESH),
    (Kind::Margay, Kind::Gobgp, "reflector-pair-same-cluster", GOBGP_REFLECTION),
    (Kind::Margay, Kind::Gobgp, "reflector-pair-other-cluster", GOBGP_REFLECTION),
    (
        Kind::Margay,
        Kind::Frr,
        "malformed-attributes-to-peer",
        "FRR 8.4 ends the session with Malformed Attribute List when an attribute comes twice; RFC 7606 §3 g keeps the first one.",
    ),
    (
        Kind::Margay,
        Kind::Openbgpd,
        "malformed-attributes-to-peer",
        "OpenBGPD 7.7 ends the session with Attribute Length Error for communities of 3 octets; RFC 7606 §7.8 treats the \
         routes as withdrawn.",
    ),
];

const EXABGP_REFRESH: &str = "ExaBGP 4.2.21 closes the connection without a NOTIFICATION when it is asked for its routes; a new session follows.";

const OPENBGPD_REFRESH: &str = "OpenBGPD 7.7 refuses a ROUTE-REFRESH for IPv4 unicast with \"AID IPv4 unicast not negotiated\", \
    although both sides have advertised the family; BIRD in margay's place gets no answer either.";

const GOBGP_REFLECTION: &str = "GoBGP 3.10 adds ORIGINATOR_ID and CLUSTER_LIST only for its clients: what it reflects to another \
    reflector has no marks of it (RFC 4456 §8).";

/// Why a cell fails, if that is understood.
pub(super) fn explanation(subject: Kind, peer: Kind, scenario: &str) -> Option<&'static str> {
    let known = KNOWN.iter().find(|row| (row.0, row.1, row.2) == (subject, peer, scenario));
    known.map(|row| row.3)
}

#[cfg(test)]
mod tests {
    use super::KNOWN;
    use crate::scenarios::ALL;

    #[test]
    fn each_explanation_belongs_to_a_scenario() {
        for (_, _, name, _) in KNOWN {
            assert!(ALL.iter().any(|scenario| scenario.name() == *name), "{name}");
        }
    }
}

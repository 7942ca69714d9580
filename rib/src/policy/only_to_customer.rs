//! The rules of ONLY_TO_CUSTOMER for this speaker's role towards a peer (RFC 9234 §5): which routes are leaked, which must not be
//! advertised, and which get the attribute.

use bgp_codec::{Asn, Role};

/// Whether a route with this attribute is leaked if it comes from the peer, whose AS is `peer`.
pub(crate) fn has_leaked(role: Role, attribute: Option<Asn>, peer: Asn) -> bool {
    match (role, attribute) {
        (Role::PROVIDER | Role::ROUTE_SERVER, Some(_)) => true,
        (Role::PEER, Some(asn)) => asn != peer,
        (_, Some(_) | None) => false,
    }
}

/// Whether a route from the peer gets the attribute if it has none: from here on, it is for customers only.
pub(crate) fn marks_received(role: Role) -> bool {
    matches!(role, Role::CUSTOMER | Role::ROUTE_SERVER_CLIENT | Role::PEER)
}

/// Whether a route with the attribute must not be advertised to the peer.
pub(crate) fn forbids(role: Role) -> bool {
    matches!(role, Role::CUSTOMER | Role::ROUTE_SERVER_CLIENT | Role::PEER)
}

/// Whether a route to the peer gets the attribute if it has none.
pub(crate) fn marks_sent(role: Role) -> bool {
    matches!(role, Role::PROVIDER | Role::ROUTE_SERVER | Role::PEER)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the relations of RFC 9234 §5, as seen from the other side of the session.
    #[test]
    fn each_role_has_its_rules_in_both_directions() {
        let peer = Asn(65001);
        // (our role; leaked with the peer's AS, with another one; marked when received; forbidden, marked when sent)
        for (role, leaked, marked, forbidden, marked_sent) in [
            (Role::PROVIDER, [true, true], false, false, true),
            (Role::ROUTE_SERVER, [true, true], false, false, true),
            (Role::CUSTOMER, [false, false], true, true, false),
            (Role::ROUTE_SERVER_CLIENT, [false, false], true, true, false),
            (Role::PEER, [false, true], true, true, true),
        ] {
            let has_leaked = |asn: u32| has_leaked(role, Some(Asn(asn)), peer);
            assert_eq!([has_leaked(65001), has_leaked(65002)], leaked, "{role}");
            assert!(!super::has_leaked(role, None, peer), "{role}");
            let rest = (marks_received(role), forbids(role), marks_sent(role));
            assert_eq!(rest, (marked, forbidden, marked_sent), "{role}");
        }
    }
}

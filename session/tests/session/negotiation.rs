//! What the peer's OPEN is checked for, what both OPENs agree on, and which NOTIFICATION tells of each failure.

use std::time::Duration;

use bgp_codec::{
    AddPathMode, Afi, AsWidth, Asn, Capabilities, Capability, ExtendedNextHopFamily, Family, HoldTime,
    Notification, NotificationCode, Open, PeerKind, Role,
};
use margay_session::{
    CloseReason, ConnectionEvent, DialMode, Directions, Event, ExpectedAsn, Negotiated, OpenError,
    SessionOptions, ShutdownMessage, State, StopReason,
};

use crate::rig::{
    LOCAL_ASN, LOCAL_IDENTIFIER, LOWER_IDENTIFIER, PEER_ASN, Rig, capabilities, cease, closes_for, hold_time,
    identifier, open, options, update_error,
};

/// What both sides agree on when `options` meets `open`.
fn negotiate(options: SessionOptions, open: Open) -> Result<Negotiated, Vec<String>> {
    let mut rig = Rig::new(options);
    rig.tell(Event::Start);
    rig.connect();
    let log = rig.on_dialed(ConnectionEvent::Open(open));
    rig.dialed.and_then(|id| rig.session.negotiated(id)).cloned().ok_or(log)
}

fn with_capabilities(list: &[Capability]) -> Open {
    Open { capabilities: Capabilities::from_iter(list.iter().cloned()), ..open(LOWER_IDENTIFIER) }
}

#[test]
fn keepalives_are_as_frequent_as_configured_and_a_third_of_the_hold_time_at_the_least() {
    for (hold, configured, expected) in
        [(90, None, 30), (90, Some(5), 5), (90, Some(60), 30), (9, Some(5), 3)]
    {
        let options = SessionOptions {
            hold_time: hold_time(hold),
            keepalive: configured.map(Duration::from_secs),
            ..options()
        };
        let terms = negotiate(options, open(LOWER_IDENTIFIER)).unwrap();
        assert_eq!(
            terms.keepalive_interval(),
            Some(Duration::from_secs(expected)),
            "{hold} s, {configured:?}"
        );
    }
    let options =
        SessionOptions { hold_time: HoldTime::ZERO, keepalive: Some(Duration::from_secs(5)), ..options() };
    assert_eq!(negotiate(options, open(LOWER_IDENTIFIER)).unwrap().keepalive_interval(), None);
}

#[test]
fn agrees_on_what_both_announce() {
    let terms = negotiate(options(), open(LOWER_IDENTIFIER)).unwrap();
    assert_eq!(terms.peer_asn, PEER_ASN);
    assert_eq!(terms.peer_identifier, identifier(LOWER_IDENTIFIER));
    assert_eq!(terms.kind, PeerKind::Ebgp);
    assert_eq!(terms.as_width, AsWidth::Four);
    assert_eq!(terms.families, [Family::IPV4_UNICAST, Family::IPV6_UNICAST]);
    assert_eq!(terms.hold_time, hold_time(90));
    assert_eq!(terms.keepalive_interval().unwrap().as_secs(), 30);
    assert_eq!(terms.route_refresh, Directions { from_peer: true, to_peer: true });
    assert_eq!(terms.extended_message, Directions { from_peer: false, to_peer: false });
    assert_eq!((terms.max_octets_received(), terms.max_octets_sent()), (4096, 4096));
}

#[test]
fn a_peer_without_capabilities_speaks_ipv4_with_two_octet_as_numbers() {
    let terms = negotiate(options(), with_capabilities(&[])).unwrap();
    assert_eq!(terms.families, [Family::IPV4_UNICAST]);
    assert_eq!(terms.as_width, AsWidth::Two);
    assert!(!terms.route_refresh.to_peer);
}

#[test]
fn a_peer_in_our_as_is_internal() {
    let options = SessionOptions { peer_asn: ExpectedAsn::One(LOCAL_ASN), ..options() };
    let open = Open { asn: LOCAL_ASN, ..open(LOWER_IDENTIFIER) };
    assert_eq!(negotiate(options, open).unwrap().kind, PeerKind::Ibgp);
}

/// RFC 8654 §4: who advertised the capability must take long messages, whether the sender advertised it or not. RFC 2918 §3
/// and RFC 7313 §4 say the same of route refresh.
#[test]
fn each_side_of_a_capability_governs_what_that_side_is_sent() {
    type Field = fn(&Negotiated) -> Directions;
    let ipv6_next_hops = ExtendedNextHopFamily { family: Family::IPV4_UNICAST, next_hop: Afi::IPV6 };
    let rows: [(Capability, Field); 4] = [
        (Capability::ExtendedNextHop(vec![ipv6_next_hops]), |terms| terms.extended_next_hop),
        (Capability::RouteRefresh, |terms| terms.route_refresh),
        (Capability::EnhancedRouteRefresh, |terms| terms.enhanced_route_refresh),
        (Capability::ExtendedMessage, |terms| terms.extended_message),
    ];
    for (capability, field) in rows {
        for (from_peer, to_peer) in [(false, false), (false, true), (true, false), (true, true)] {
            let list = |has: bool| if has { vec![capability.clone()] } else { Vec::new() };
            let ours = SessionOptions { capabilities: Capabilities(list(from_peer)), ..options() };
            let terms = negotiate(ours, with_capabilities(&list(to_peer))).unwrap();
            assert_eq!(field(&terms), Directions { from_peer, to_peer }, "{capability:?}");
        }
    }
}

#[test]
fn the_longest_message_is_another_one_in_each_direction() {
    let extended = [Capability::ExtendedMessage];
    for (ours, theirs, received, sent) in [
        (&extended[..], &[][..], 65_535, 4096),
        (&[], &extended, 4096, 65_535),
        (&extended, &extended, 65_535, 65_535),
    ] {
        let ours = SessionOptions { capabilities: Capabilities(ours.to_vec()), ..options() };
        let terms = negotiate(ours, with_capabilities(theirs)).unwrap();
        assert_eq!(terms.max_octets_received(), received);
        assert_eq!(terms.decode_context().max_message_octets, received);
        assert_eq!(terms.max_octets_sent(), sent);
    }
}

#[test]
fn path_ids_flow_where_one_side_sends_and_the_other_receives() {
    let v4 = |value| Capability::AddPath(vec![(Family::IPV4_UNICAST, AddPathMode(value))]);
    // (our value, the peer's, whether it sends path ids to us, whether we send them to it)
    let rows = [
        (None, Some(3), false, false),
        (Some(3), None, false, false),
        (Some(3), Some(3), true, true),
        (Some(3), Some(2), true, false),
        (Some(3), Some(1), false, true),
        (Some(1), Some(3), true, false),
        (Some(2), Some(3), false, true),
        (Some(1), Some(1), false, false),
        (Some(2), Some(2), false, false),
        // Not assigned: says nothing.
        (Some(3), Some(0), false, false),
        (Some(3), Some(4), false, false),
        (Some(3), Some(255), false, false),
    ];
    for (ours, theirs, received, sent) in rows {
        let mut options = options();
        options.capabilities.0.extend(ours.map(v4));
        let mut open = open(LOWER_IDENTIFIER);
        open.capabilities.0.extend(theirs.map(v4));
        let terms = negotiate(options, open).unwrap();
        let families = |is_in_use: bool| if is_in_use { vec![Family::IPV4_UNICAST] } else { Vec::new() };
        assert_eq!(terms.path_ids_received, families(received), "{ours:?} {theirs:?}");
        assert_eq!(terms.path_ids_sent, families(sent), "{ours:?} {theirs:?}");
        assert_eq!(terms.decode_context().add_path, families(received), "{ours:?} {theirs:?}");
    }
}

#[test]
fn path_ids_are_agreed_on_family_by_family() {
    let both = AddPathMode::BOTH;
    let (v4, v6) = (Family::IPV4_UNICAST, Family::IPV6_UNICAST);
    let vpn = Family { safi: bgp_codec::Safi(128), ..v4 };
    let ours = vec![(v4, both), (v6, both), (vpn, both)];
    let rows: [(&[Capability], &[Family], &[Family]); 5] = [
        (&[Capability::AddPath(vec![(v6, AddPathMode::SEND), (v4, AddPathMode::RECEIVE)])], &[v6], &[v4]),
        // A value that is not assigned concerns its own family only.
        (&[Capability::AddPath(vec![(v4, AddPathMode(7)), (v6, both)])], &[v6], &[v6]),
        // Of two statements on a family the last one counts, be they in one capability or in two.
        (&[Capability::AddPath(vec![(v4, both), (v4, AddPathMode::SEND)])], &[v4], &[]),
        (&[Capability::AddPath(vec![(v4, both)]), Capability::AddPath(vec![(v4, AddPathMode(9))])], &[], &[]),
        // Of a family that is not in use, nothing follows.
        (&[Capability::AddPath(vec![(vpn, both)])], &[], &[]),
    ];
    for (theirs, received, sent) in rows {
        let mut options = options();
        options.capabilities.0.push(Capability::AddPath(ours.clone()));
        let mut open = open(LOWER_IDENTIFIER);
        open.capabilities.0.extend(theirs.iter().cloned());
        let terms = negotiate(options, open).unwrap();
        assert_eq!((&*terms.path_ids_received, &*terms.path_ids_sent), (received, sent), "{theirs:?}");
    }
}

#[test]
fn hold_time_zero_on_either_side_wins() {
    let zero = Open { hold_time: HoldTime::ZERO, ..open(LOWER_IDENTIFIER) };
    let terms = negotiate(options(), zero).unwrap();
    assert!(terms.hold_time.is_zero());
    assert_eq!(terms.keepalive_interval(), None);
}

#[test]
fn an_unspecified_peer_as_takes_any_that_can_be_real() {
    let any = SessionOptions { peer_asn: ExpectedAsn::Any, ..options() };
    for (asn, accepted) in
        [(Asn(1), true), (Asn(4_200_000_000), true), (LOCAL_ASN, true), (Asn(0), false), (Asn::TRANS, false)]
    {
        let result = negotiate(any.clone(), Open { asn, ..open(LOWER_IDENTIFIER) });
        assert_eq!(result.is_ok(), accepted, "{asn}");
    }
}

#[test]
fn an_external_peer_is_in_another_as_and_an_internal_one_in_ours() {
    let rows = [
        (ExpectedAsn::External, PEER_ASN, true),
        (ExpectedAsn::External, Asn(4_200_000_000), true),
        (ExpectedAsn::External, LOCAL_ASN, false),
        (ExpectedAsn::External, Asn::TRANS, false),
        (ExpectedAsn::Internal, LOCAL_ASN, true),
        (ExpectedAsn::Internal, PEER_ASN, false),
    ];
    for (expected, asn, accepted) in rows {
        let options = SessionOptions { peer_asn: expected, ..options() };
        let result = negotiate(options, Open { asn, ..open(LOWER_IDENTIFIER) });
        assert_eq!(result.is_ok(), accepted, "{expected:?} and {asn}");
    }
}

#[test]
fn a_shorter_hold_time_than_the_least_is_refused_and_none_at_all_is_not() {
    for (least, proposed, accepted) in
        [(9, 90, true), (9, 9, true), (9, 8, false), (9, 3, false), (9, 0, true)]
    {
        let options = SessionOptions { min_hold_time: Some(hold_time(least)), ..options() };
        let result = negotiate(options, Open { hold_time: hold_time(proposed), ..open(LOWER_IDENTIFIER) });
        assert_eq!(result.is_ok(), accepted, "{proposed} s");
        if let Err(log) = result {
            assert!(log.iter().any(|line| line.contains("with 2/6")), "{log:?}");
        }
    }
}

/// RFC 5492 §5: the OPEN after a refusal has no capabilities, and that after the next failure has them again.
#[test]
fn an_open_refused_for_its_optional_parameters_is_repeated_without_them() {
    let refusal = Notification { code: NotificationCode(2), subcode: 4, data: Vec::new() };
    let mut rig = Rig::open_sent();
    rig.on_dialed(ConnectionEvent::Notification(refusal));
    rig.pass(5);
    let sent = capabilities_of_next_open(&mut rig);
    assert_eq!(sent, Some(Capabilities::default()));
    rig.on_dialed(ConnectionEvent::Open(with_capabilities(&[])));
    rig.on_dialed(ConnectionEvent::Keepalive);
    let id = rig.dialed.expect("the session dialed");
    let terms = rig.session.negotiated(id).expect("the session is up");
    assert!(terms.are_capabilities_refused);
    assert_eq!((terms.as_width, &terms.families[..]), (AsWidth::Two, &[Family::IPV4_UNICAST][..]));
    assert_eq!(terms.route_refresh, Directions { from_peer: false, to_peer: false });
    rig.on_dialed(ConnectionEvent::Closed);
    rig.pass(60);
    assert_eq!(capabilities_of_next_open(&mut rig), Some(capabilities(LOCAL_ASN)), "another try");
}

/// Another host behind the peer's address must not take the capabilities away, unless the peer can refuse in no other way.
#[test]
fn a_refusal_on_a_connection_from_the_peer_counts_where_only_the_peer_connects() {
    for (dial_mode, expected) in [(DialMode::Active, true), (DialMode::Passive, false)] {
        let mut rig = Rig::new(SessionOptions { dial_mode, ..options() });
        rig.tell(Event::Start);
        rig.incoming();
        let refusal = Notification { code: NotificationCode(2), subcode: 4, data: Vec::new() };
        rig.on_accepted(ConnectionEvent::Notification(refusal));
        let id = rig.session.new_connection_id();
        rig.session.handle_event(rig.now, Event::Incoming(id));
        let sent = sent_capabilities(&mut rig).expect("an OPEN");
        assert_eq!(!sent.0.is_empty(), expected, "{dial_mode:?}");
    }
}

/// Without IPv4 unicast, a session without capabilities would have no family.
#[test]
fn capabilities_are_not_left_out_for_ipv6_alone() {
    let ours = vec![Capability::Multiprotocol(Family::IPV6_UNICAST)];
    let mut rig = Rig::new(SessionOptions { capabilities: Capabilities(ours.clone()), ..options() });
    rig.tell(Event::Start);
    rig.connect();
    let refusal = Notification { code: NotificationCode(2), subcode: 4, data: Vec::new() };
    rig.on_dialed(ConnectionEvent::Notification(refusal));
    rig.pass(5);
    assert_eq!(capabilities_of_next_open(&mut rig), Some(Capabilities(ours)));
}

/// The capabilities of the OPEN on the connection that was dialed last.
fn capabilities_of_next_open(rig: &mut Rig) -> Option<Capabilities> {
    rig.session.handle_event(rig.now, Event::Connected(rig.dialed?));
    sent_capabilities(rig)
}

fn sent_capabilities(rig: &mut Rig) -> Option<Capabilities> {
    std::iter::from_fn(|| rig.session.poll_action()).find_map(|action| match action {
        margay_session::Action::Send(_, bgp_codec::Message::Open(open)) => Some(open.capabilities),
        _ => None,
    })
}

#[test]
fn refuses_opens_that_do_not_fit() {
    let ibgp = SessionOptions { peer_asn: ExpectedAsn::One(LOCAL_ASN), ..options() };
    let our_double = Open { asn: LOCAL_ASN, ..open(LOCAL_IDENTIFIER) };
    let vpn_only = Capability::Multiprotocol(Family { safi: bgp_codec::Safi(128), ..Family::IPV4_UNICAST });
    let ours = vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST];
    for (options, open, error) in [
        (
            options(),
            Open { asn: Asn(65_099), ..open(LOWER_IDENTIFIER) },
            OpenError::BadPeerAs { expected: ExpectedAsn::One(PEER_ASN), received: Asn(65_099) },
        ),
        (ibgp, our_double, OpenError::BadIdentifier(identifier(LOCAL_IDENTIFIER))),
        (options(), with_capabilities(&[vpn_only]), OpenError::NoCommonFamily { ours }),
    ] {
        let log = negotiate(options, open).unwrap_err();
        assert!(closes_for(&log, &CloseReason::OpenRejected(error.clone())), "{error:?}: {log:?}");
    }
}

#[test]
fn an_external_peer_may_have_our_identifier() {
    assert!(negotiate(options(), open(LOCAL_IDENTIFIER)).is_ok());
}

/// A NOTIFICATION as it stands in a table.
type CodeSubcodeData = (u8, u8, &'static [u8]);

#[test]
fn every_close_reason_tells_the_peer_the_right_thing() {
    let stop = |reason| CloseReason::Stopped(reason);
    let ours = vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST];
    let bad_as = OpenError::BadPeerAs { expected: ExpectedAsn::One(PEER_ASN), received: Asn(1) };
    let rows: Vec<(CloseReason, Option<CodeSubcodeData>)> = vec![
        (stop(StopReason::MaximumPrefixes { restart: Duration::ZERO }), Some((6, 1, &[]))),
        (stop(StopReason::AdministrativeShutdown(ShutdownMessage::default())), Some((6, 2, &[]))),
        (stop(StopReason::PeerDeconfigured), Some((6, 3, &[]))),
        (stop(StopReason::AdministrativeReset(ShutdownMessage::default())), Some((6, 4, &[]))),
        (stop(StopReason::OtherConfigurationChange), Some((6, 6, &[]))),
        (stop(StopReason::OutOfResources), Some((6, 8, &[]))),
        (stop(StopReason::MemoryGuard { restart: Duration::ZERO }), Some((6, 8, &[]))),
        (CloseReason::PathDown, Some((6, 10, &[]))),
        (CloseReason::PeerRestarted, None),
        (CloseReason::Refused, Some((6, 5, &[]))),
        (CloseReason::Collision, Some((6, 7, &[]))),
        (CloseReason::Superseded, Some((6, 7, &[]))),
        (CloseReason::HoldTimerExpired, Some((4, 0, &[]))),
        (CloseReason::SendHoldTimerExpired, Some((8, 0, &[]))),
        (CloseReason::UnexpectedMessage(State::OpenSent), Some((5, 1, &[]))),
        (CloseReason::UnexpectedMessage(State::OpenConfirm), Some((5, 2, &[]))),
        (CloseReason::UnexpectedMessage(State::Established), Some((5, 3, &[]))),
        (CloseReason::OpenRejected(bad_as), Some((2, 2, &[]))),
        (CloseReason::OpenRejected(OpenError::BadIdentifier(identifier(7))), Some((2, 3, &[]))),
        (
            CloseReason::OpenRejected(OpenError::NoCommonFamily { ours }),
            Some((2, 7, &[1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1])),
        ),
        (CloseReason::DecodeFailed(update_error()), Some((3, 1, &[]))),
        (CloseReason::NotificationReceived(cease()), None),
        (CloseReason::ConnectionLost, None),
        (CloseReason::ConnectFailed, None),
        (CloseReason::ConnectTimedOut, None),
        (CloseReason::DialAbandoned, None),
    ];
    for (reason, expected) in rows {
        let expected = expected.map(|(code, subcode, data)| Notification {
            code: NotificationCode(code),
            subcode,
            data: data.to_vec(),
        });
        assert_eq!(reason.notification(None), expected, "{reason:?}");
    }
}

#[test]
fn announces_what_the_options_say() {
    let mut rig = Rig::new(options());
    rig.session.handle_event(rig.now, Event::Start);
    let Some(margay_session::Action::Connect(id)) = rig.session.poll_action() else { panic!("no dial") };
    rig.session.handle_event(rig.now, Event::Connected(id));
    let sent = std::iter::from_fn(|| rig.session.poll_action()).find_map(|action| match action {
        margay_session::Action::Send(_, bgp_codec::Message::Open(open)) => Some(open),
        _ => None,
    });
    let expected = Open {
        asn: LOCAL_ASN,
        hold_time: hold_time(90),
        identifier: identifier(LOCAL_IDENTIFIER),
        capabilities: capabilities(LOCAL_ASN),
    };
    assert_eq!(sent, Some(expected));
}

#[test]
fn a_notification_of_the_peer_is_shown_with_what_its_data_say() {
    for (code, subcode, data, expected) in [
        (
            2,
            7,
            &[1, 4, 0, 2, 0, 1, 2, 0][..],
            "peer sent: OPEN message error: unsupported capability: ipv6-unicast, route refresh",
        ),
        (2, 7, &[], "peer sent: OPEN message error: unsupported capability"),
        (6, 2, &[3, b'o', b'f', b'f'], "peer sent: cease: administrative shutdown (off)"),
        (
            6,
            2,
            &[2, 0xff, 0xfe],
            "peer sent: cease: administrative shutdown (with a reason of 2 octets that is not legible)",
        ),
        (6, 2, &[0], "peer sent: cease: administrative shutdown"),
    ] {
        let notification = Notification { code: NotificationCode(code), subcode, data: data.to_vec() };
        assert_eq!(CloseReason::NotificationReceived(notification).to_string(), expected);
    }
}

#[test]
fn roles_of_external_peers_must_be_a_valid_pair() {
    let open = |roles: &[Role]| {
        let mut open = with_capabilities(&[]);
        open.capabilities.0.extend(roles.iter().copied().map(Capability::Role));
        open
    };
    let refused =
        |ours: Role, theirs: &[Role]| Err(OpenError::RoleMismatch { ours, theirs: theirs.to_vec() });
    let (provider, customer, peer) = (Role::PROVIDER, Role::CUSTOMER, Role::PEER);
    for (requires_role, theirs, expected) in [
        (false, &[customer][..], Ok(())),
        (false, &[], Ok(())),
        (true, &[customer], Ok(())),
        (true, &[], refused(provider, &[])),
        (false, &[provider], refused(provider, &[provider])),
        // Several are one if they are equal (RFC 9234 §4.2).
        (false, &[customer, customer], Ok(())),
        (false, &[customer, peer], refused(provider, &[customer, peer])),
    ] {
        let mut options = SessionOptions { requires_role, ..options() };
        options.capabilities.0.push(Capability::Role(provider));
        assert_eq!(options.check_open(&open(theirs)), expected, "{requires_role} {theirs:?}");
    }
    assert_eq!(options().check_open(&open(&[provider])), Ok(()), "without a role of our own");
    let error = OpenError::RoleMismatch { ours: provider, theirs: vec![provider] };
    assert_eq!(error.notification(), Notification::role_mismatch());
    assert_eq!(error.to_string(), "our role is provider, and the peer's is provider");
}

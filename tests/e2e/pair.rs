//! margay and one peer on a segment, in every combination of peer, family and kind of session.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use margay_lab::{
    Attachment, Bird, Family, Gobgp, Lab, Margay, MargayBinaries, Namespace, PeerSettings, RouteInfo, Router,
    RouterSettings, Routes, Segment, wait_until,
};

/// Makes one test of a check for each combination.
macro_rules! for_each_case {
    ($check:ident) => {
        mod $check {
            use crate::pair::{Case, Implementation::*, SessionKind::*};
            use margay_lab::Family::*;

            for_each_case! { $check
                bird_ipv4_ebgp(Bird, Ipv4, Ebgp), bird_ipv4_ibgp(Bird, Ipv4, Ibgp),
                bird_ipv6_ebgp(Bird, Ipv6, Ebgp), bird_ipv6_ibgp(Bird, Ipv6, Ibgp),
                gobgp_ipv4_ebgp(Gobgp, Ipv4, Ebgp), gobgp_ipv4_ibgp(Gobgp, Ipv4, Ibgp),
                gobgp_ipv6_ebgp(Gobgp, Ipv6, Ebgp), gobgp_ipv6_ibgp(Gobgp, Ipv6, Ibgp)
            }
        }
    };
    ($check:ident $($name:ident($peer:ident, $family:ident, $session:ident)),*) => {
        $(#[test]
        fn $name() {
            super::$check(Case { peer: $peer, family: $family, session: $session });
        })*
    };
}

/// One combination.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) peer: Implementation,
    pub(crate) family: Family,
    pub(crate) session: SessionKind,
}

/// Who the peer is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Implementation {
    Bird,
    Gobgp,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SessionKind {
    Ebgp,
    Ibgp,
}

/// The two routers, neither of them started. Each calls the other `other`.
pub(crate) struct Pair {
    pub(crate) margay: Margay,
    pub(crate) peer: Box<dyn Router>,
    /// The peer's.
    pub(crate) cable: Attachment,
    pub(crate) case: Case,
    _segment: Segment,
    _lab: Lab,
}

impl Pair {
    /// Addresses of the case's family alone, so that an IPv6 case is an IPv6 network.
    pub(crate) fn new(case: Case) -> Self {
        let lab = Lab::new().unwrap();
        let segment = lab.segment("wire").unwrap();
        let (here, there) = (lab.namespace("margay").unwrap(), lab.namespace("peer").unwrap());
        segment.attach(&here, "eth0", &[&with_length(own_address(case.family))]).unwrap();
        let cable = segment.attach(&there, "eth0", &[&with_length(peer_address(case.family))]).unwrap();

        let peer_asn = case.peer_asn();
        let margay = settings(MARGAY_ASN, 1, peer_address(case.family), own_address(case.family), peer_asn);
        let peer = settings(peer_asn, 2, own_address(case.family), peer_address(case.family), MARGAY_ASN);
        let peer: Box<dyn Router> = match case.peer {
            Implementation::Bird => Box::new(Bird::new(&there, peer)),
            Implementation::Gobgp => Box::new(Gobgp::new(&there, peer)),
        };
        Self {
            margay: Margay::new(&here, margay, &binaries()),
            peer,
            cable,
            case,
            _segment: segment,
            _lab: lab,
        }
    }

    /// Changes each side's settings for the other, margay's first.
    pub(crate) fn set_peers(&mut self, change: impl Fn(&mut PeerSettings, &mut PeerSettings)) {
        change(&mut self.margay.settings().peers[0], &mut self.peer.settings().peers[0]);
    }

    pub(crate) fn start(&mut self) {
        self.peer.start().unwrap();
        self.margay.start().unwrap();
    }

    #[track_caller]
    pub(crate) fn wait_established(&self) {
        for router in [&self.margay as &dyn Router, &*self.peer] {
            wait_for_state(router, "other", |state| state == "established", "established");
        }
    }

    /// Waits until the peer has exactly margay's routes to these prefixes.
    #[track_caller]
    pub(crate) fn wait_peer_has(&self, prefixes: &[String]) {
        let mut expected = self.expected(prefixes, own_address(self.case.family), MARGAY_ASN);
        // BIRD shows the LOCAL_PREF that it gave to a route, which is irrelevant on eBGP.
        let shown_by_default = |routes: &mut Routes| {
            if self.case.session == SessionKind::Ebgp {
                routes.values_mut().for_each(|route| route.local_pref = None);
            }
        };
        shown_by_default(&mut expected);
        wait_for_routes(&*self.peer, &expected, shown_by_default);
    }

    /// Waits until margay has exactly the peer's routes to these prefixes.
    #[track_caller]
    pub(crate) fn wait_margay_has(&self, prefixes: &[String]) {
        let expected = self.expected(prefixes, peer_address(self.case.family), self.case.peer_asn());
        wait_for_routes(&self.margay, &expected, |_| {});
    }

    fn expected(&self, prefixes: &[String], next_hop: IpAddr, asn: u32) -> Routes {
        let (as_path, local_pref) = match self.case.session {
            SessionKind::Ebgp => (vec![asn], None),
            SessionKind::Ibgp => (Vec::new(), Some(100)),
        };
        let route = RouteInfo { next_hop, as_path, local_pref, med: None, communities: BTreeSet::new() };
        prefixes.iter().map(|prefix| (prefix.clone(), route.clone())).collect()
    }
}

impl Case {
    pub(crate) fn peer_asn(self) -> u32 {
        match self.session {
            SessionKind::Ebgp => PEER_ASN,
            SessionKind::Ibgp => MARGAY_ASN,
        }
    }
}

/// The daemon under test and its client.
/// The programs that were built with the tests, or those in the folder of the daemon in `MARGAY_TEST_DAEMON`.
pub(crate) fn binaries() -> MargayBinaries {
    let built = Path::new(env!("CARGO_BIN_EXE_margayd"));
    let chosen = std::env::var_os("MARGAY_TEST_DAEMON");
    MargayBinaries::beside(chosen.as_deref().map_or(built, Path::new)).unwrap()
}

#[track_caller]
pub(crate) fn wait_for_state(router: &dyn Router, peer: &str, accept: impl Fn(&str) -> bool, what: &str) {
    wait_until(PATIENCE, &format!("{router:?}'s session with {peer} is {what}"), || {
        let state = router.session_state(peer).map_err(|error| format!("{error:#}"))?;
        if accept(&state) { Ok(()) } else { Err(state) }
    });
}

/// Waits for a number of routes, then for the routes themselves, since some routers count much faster than they list.
#[track_caller]
pub(crate) fn wait_for_routes(router: &dyn Router, expected: &Routes, mut adjust: impl FnMut(&mut Routes)) {
    wait_until(PATIENCE, &format!("{} routes of {router:?}", expected.len()), || {
        match router.route_count() {
            Ok(count) if count == expected.len() => Ok(()),
            Ok(count) => Err(format!("{count} routes")),
            Err(error) => Err(format!("{error:#}")),
        }
    });
    wait_until(PATIENCE, &format!("the routes of {router:?}"), || {
        let mut routes = router.routes().map_err(|error| format!("{error:#}"))?;
        adjust(&mut routes);
        first_difference(&routes, expected).map_or(Ok(()), Err)
    });
}

fn first_difference(seen: &Routes, expected: &Routes) -> Option<String> {
    let prefixes: BTreeSet<&String> = seen.keys().chain(expected.keys()).collect();
    let differs = prefixes.into_iter().find(|prefix| seen.get(*prefix) != expected.get(*prefix))?;
    Some(format!("{differs} is {:?}, expected {:?}", seen.get(differs), expected.get(differs)))
}

fn settings(asn: u32, id: u8, other: IpAddr, own: IpAddr, other_asn: u32) -> RouterSettings {
    let mut settings = RouterSettings::new(asn, Ipv4Addr::new(192, 0, 2, id));
    let mut peer = PeerSettings::new("other", other, other_asn);
    peer.local_address = Some(own);
    settings.peers.push(peer);
    settings
}

pub(crate) fn own_address(family: Family) -> IpAddr {
    host(family, 1)
}

pub(crate) fn peer_address(family: Family) -> IpAddr {
    host(family, 2)
}

/// An address of the segment.
pub(crate) fn host(family: Family, number: u8) -> IpAddr {
    match family {
        Family::Ipv4 => Ipv4Addr::new(172, 16, 0, number).into(),
        Family::Ipv6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into()).into(),
    }
}

/// An address of the segment as `ip address add` wants it.
pub(crate) fn with_length(address: IpAddr) -> String {
    format!("{address}/{}", if address.is_ipv4() { 24 } else { 64 })
}

/// How many TCP connections with BGP's port are established inside.
pub(crate) fn bgp_connections(namespace: &Namespace) -> usize {
    let mut command = namespace.command("ss");
    command.args(["-H", "-t", "-n", "state", "established", "( sport = :179 or dport = :179 )"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "ss: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().count()
}

pub(crate) const MARGAY_ASN: u32 = 64512;
pub(crate) const PEER_ASN: u32 = 65001;

/// GoBGP may think for ten seconds before it dials again, and two processors may serve many tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

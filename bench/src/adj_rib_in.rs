//! The check after the measurement: replays what a peer received and compares it with the expected routes.

use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use bgp_codec::{Ipv4Prefix, Message, NextHop, PathAttributes, PeerKind, Update, decode_message};
use bytes::Bytes;
use foldhash::{HashMap, HashMapExt};

use crate::expectation::Expectation;
use crate::peer::{Received, decode_context};

/// The routes that a peer holds after the messages replayed so far, and the number of expected ones among
/// them.
#[derive(Debug)]
pub(crate) struct AdjRibIn {
    routes: HashMap<Ipv4Prefix, Route>,
    right: usize,
    expected: Rc<Expectation>,
    /// Offset of the next message in the received octets.
    replayed: usize,
    /// End of the message since which all routes have been as expected.
    complete_since: Option<usize>,
}

#[derive(Debug)]
struct Route {
    attributes: Rc<PathAttributes>,
    next_hop: NextHop,
    is_right: bool,
}

impl AdjRibIn {
    /// Starts without routes.
    pub(crate) fn new(expected: Rc<Expectation>) -> Self {
        let mut rib = Self { routes: HashMap::new(), right: 0, expected, replayed: 0, complete_since: None };
        rib.note_completeness();
        rib
    }

    /// Replaces the expected routes.
    pub(crate) fn expect(&mut self, expected: Rc<Expectation>) {
        self.expected = expected;
        self.right = 0;
        for (prefix, route) in &mut self.routes {
            route.is_right = self.expected.route(*prefix) == Some((&*route.attributes, route.next_hop));
            self.right += usize::from(route.is_right);
        }
        self.complete_since = None;
        self.note_completeness();
    }

    /// Forgets all routes and everything received so far.
    pub(crate) fn forget(&mut self, received: &Received) {
        self.routes.clear();
        self.right = 0;
        self.replayed = received.end();
        self.complete_since = None;
        self.note_completeness();
    }

    /// Lower bound of the routes that the daemon still has to advertise or withdraw.
    pub(crate) fn outstanding(&self) -> usize {
        let wrong = self.routes.iter().filter(|(_, route)| !route.is_right);
        let superfluous = wrong.filter(|(prefix, _)| self.expected.route(**prefix).is_none()).count();
        self.expected.len() - self.right + superfluous
    }

    /// Applies the messages received since the last call.
    ///
    /// # Errors
    ///
    /// A message is malformed, or has attributes that must be repaired (RFC 7606).
    pub(crate) fn replay(&mut self, received: &Received) -> Result<()> {
        while let Some(message) = received.message_at(self.replayed)? {
            self.replayed += message.len();
            let decoded = decode_message(Bytes::copy_from_slice(message), &decode_context(PeerKind::Ebgp));
            if let Message::Update(update) = decoded.context("a malformed message")? {
                self.apply(&update)?;
                self.note_completeness();
            }
        }
        Ok(())
    }

    /// When the peer had exactly the expected routes; `None` if it does not have them.
    ///
    /// `start` is returned if nothing had to be received.
    pub(crate) fn completed(&self, received: &Received, start: Instant) -> Option<Instant> {
        let end = self.complete_since?;
        Some(if end == 0 { start } else { received.arrived(end).max(start) })
    }

    /// End of the last message replayed.
    pub(crate) fn replayed(&self) -> usize {
        self.replayed
    }

    /// Up to `limit` differences from the expected routes.
    pub(crate) fn differences(&self, limit: usize) -> Vec<String> {
        let missing = self.expected.prefixes().filter(|prefix| !self.routes.contains_key(prefix));
        let missing = missing.map(|prefix| format!("{prefix} is missing"));
        let wrong = self.routes.iter().filter(|(_, route)| !route.is_right);
        let wrong = wrong.map(|(prefix, route)| self.difference(*prefix, route));
        wrong.chain(missing).take(limit).collect()
    }

    /// Progress, for messages.
    pub(crate) fn progress(&self) -> String {
        let (right, expected, held) = (self.right, self.expected.len(), self.routes.len());
        format!("{right} of {expected} routes right, {held} held")
    }

    fn apply(&mut self, update: &Update) -> Result<()> {
        if let Some(defect) = update.defects().first() {
            bail!("an UPDATE with a defect: {defect}");
        }
        for nlri in update.unreach().flat_map(|block| block.iter::<Ipv4Prefix>()) {
            if self.routes.remove(&nlri.prefix).is_some_and(|route| route.is_right) {
                self.right -= 1;
            }
        }
        let Some(attributes) = update.attributes() else {
            ensure!(update.reach().next().is_none(), "routes without attributes");
            return Ok(());
        };
        let attributes = Rc::new(attributes.to_path_attributes());
        for reach in update.reach() {
            for nlri in reach.nlri.iter() {
                self.insert(nlri.prefix, Rc::clone(&attributes), reach.next_hop);
            }
        }
        Ok(())
    }

    fn insert(&mut self, prefix: Ipv4Prefix, attributes: Rc<PathAttributes>, next_hop: NextHop) {
        let is_right = self.expected.route(prefix) == Some((&*attributes, next_hop));
        let before = self.routes.insert(prefix, Route { attributes, next_hop, is_right });
        self.right += usize::from(is_right);
        self.right -= usize::from(before.is_some_and(|route| route.is_right));
    }

    fn note_completeness(&mut self) {
        let complete = self.right == self.expected.len() && self.routes.len() == self.right;
        if !complete {
            self.complete_since = None;
        } else if self.complete_since.is_none() {
            self.complete_since = Some(self.replayed);
        }
    }

    fn difference(&self, prefix: Ipv4Prefix, route: &Route) -> String {
        let found = format!("{prefix} via {:?} has {:?}", route.next_hop, route.attributes);
        match self.expected.route(prefix) {
            None => format!("{found}, but is not expected"),
            Some((attributes, next_hop)) => format!("{found}, must be via {next_hop:?} with {attributes:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use bgp_codec::{AsWidth, Asn, Nlri, UpdateEncoder, frame_length};
    use bytes::BytesMut;

    use super::*;
    use crate::workload::{AttributeSets, RouteTable, SeededRandom};

    const NEXT_HOP: NextHop = NextHop::Ipv4(Ipv4Addr::LOCALHOST);

    /// A table of a thousand routes, and a daemon's stream under test.
    struct Fixture {
        table: RouteTable,
        sent: AttributeSets,
        octets: BytesMut,
    }

    impl Fixture {
        fn new() -> Self {
            let mut random = SeededRandom::new(9);
            let table = RouteTable::generate(1_000, 150, &mut random);
            let sent = AttributeSets::generate(150, Asn(65000), &mut random);
            Self { table, sent, octets: BytesMut::new() }
        }

        fn expectation(&self) -> Rc<Expectation> {
            let same = AttributeSets::clone(&self.sent);
            Rc::new(Expectation::table(&self.table, same, NEXT_HOP))
        }

        fn a_prefix(&self) -> Ipv4Prefix {
            self.table.groups()[3][0]
        }

        fn advertise_all(&mut self) {
            self.octets.extend_from_slice(&self.table.encode(self.sent.as_slice(), NEXT_HOP));
        }

        fn advertise(&mut self, prefix: Ipv4Prefix, attributes: &PathAttributes, next_hop: NextHop) {
            encoder().reach(&mut self.octets, attributes, next_hop, [Nlri::new(prefix)]).unwrap();
        }

        fn withdraw(&mut self, prefix: Ipv4Prefix) {
            encoder().unreach(&mut self.octets, [Nlri::new(prefix)]);
        }

        /// The differences after the stream.
        fn check(&self) -> Vec<String> {
            let mut received = Received::default();
            take_in(&mut received, &self.octets);
            let mut rib = AdjRibIn::new(self.expectation());
            rib.replay(&received).unwrap();
            let complete = rib.completed(&received, Instant::now()).is_some();
            let differences = rib.differences(usize::MAX);
            assert_eq!(complete, differences.is_empty());
            assert_eq!(rib.outstanding(), differences.len());
            differences
        }
    }

    /// Adds whole messages.
    fn take_in(received: &mut Received, mut octets: &[u8]) {
        while let Some(length) = frame_length(octets, 4096).unwrap() {
            let (message, rest) = octets.split_at(length);
            received.take_in(message, Instant::now()).unwrap();
            octets = rest;
        }
    }

    fn encoder() -> UpdateEncoder {
        UpdateEncoder { as_width: AsWidth::Four, max_message_octets: 4096, add_path: false }
    }

    #[test]
    fn accepts_the_exact_table() {
        let mut fixture = Fixture::new();
        fixture.advertise_all();
        assert_eq!(fixture.check(), [""; 0]);
    }

    #[test]
    fn finds_a_missing_route() {
        let mut fixture = Fixture::new();
        fixture.advertise_all();
        fixture.withdraw(fixture.a_prefix());
        assert_eq!(fixture.check(), [format!("{} is missing", fixture.a_prefix())]);
    }

    #[test]
    fn finds_a_route_with_altered_attributes_or_next_hop() {
        let other_hop = NextHop::Ipv4(Ipv4Addr::new(192, 0, 2, 1));
        for (group, next_hop) in [(4, NEXT_HOP), (3, other_hop)] {
            let mut fixture = Fixture::new();
            fixture.advertise_all();
            let attributes = fixture.sent.as_slice()[group].clone();
            fixture.advertise(fixture.a_prefix(), &attributes, next_hop);
            let differences = fixture.check();
            assert_eq!(differences.len(), 1, "{differences:?}");
            assert!(differences[0].contains("must be via"), "{differences:?}");
        }
    }

    #[test]
    fn finds_a_route_that_must_not_be_there() {
        let mut fixture = Fixture::new();
        fixture.advertise_all();
        let attributes = fixture.sent.as_slice()[0].clone();
        fixture.advertise("127.1.0.0/16".parse().unwrap(), &attributes, NEXT_HOP);
        let differences = fixture.check();
        assert!(matches!(&*differences, [one] if one.ends_with("is not expected")), "{differences:?}");
    }

    #[test]
    fn dates_completeness_by_the_message_since_which_it_lasts() {
        let mut fixture = Fixture::new();
        fixture.advertise_all();
        let complete = fixture.octets.len();
        fixture.withdraw(fixture.a_prefix());
        let attributes = fixture.sent.as_slice()[3].clone();
        fixture.advertise(fixture.a_prefix(), &attributes, NEXT_HOP);
        let again = fixture.octets.len();
        fixture.advertise(fixture.a_prefix(), &attributes, NEXT_HOP);

        let mut rib = AdjRibIn::new(fixture.expectation());
        let mut received = Received::default();
        take_in(&mut received, &fixture.octets[..complete]);
        rib.replay(&received).unwrap();
        assert_eq!(rib.complete_since, Some(complete));
        take_in(&mut received, &fixture.octets[complete..]);
        rib.replay(&received).unwrap();
        assert_eq!(rib.complete_since, Some(again));
    }

    #[test]
    fn counts_what_is_outstanding_for_the_next_expectation() {
        let mut fixture = Fixture::new();
        fixture.advertise_all();
        let mut received = Received::default();
        take_in(&mut received, &fixture.octets);
        let mut rib = AdjRibIn::new(fixture.expectation());
        assert_eq!(rib.outstanding(), 1_000);
        rib.replay(&received).unwrap();
        assert_eq!(rib.outstanding(), 0);
        rib.expect(Rc::new(Expectation::nothing(NEXT_HOP)));
        assert_eq!(rib.outstanding(), 1_000);
        let changed = fixture.sent.with_other_communities(Asn(65000), &mut SeededRandom::new(1));
        rib.expect(Rc::new(fixture.expectation().with_attributes(changed)));
        assert_eq!(rib.outstanding(), 1_000);
    }
}

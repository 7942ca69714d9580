//! Peers that stay for the whole soak, and see all routes.

use std::collections::BTreeMap;

use anyhow::Result;
use ipnet::IpNet;
use margay_lab::Namespace;

use super::addresses::{DAEMON, identity, soon, steady_address};
use crate::probe::Session;

/// A peer that stays.
pub(super) struct Steady {
    number: u8,
    session: Session,
}

impl Steady {
    /// Connects from the namespace of those that stay.
    pub(super) fn join(namespace: &Namespace, number: u8) -> Result<Self> {
        Ok(Self { number, session: Self::dial(namespace, number)? })
    }

    fn dial(namespace: &Namespace, number: u8) -> Result<Session> {
        let own = steady_address(number);
        Session::dial(namespace, own.into(), DAEMON.into(), &identity(own), soon())
    }

    /// Whether its session was lost; it has a new one then.
    pub(super) fn renew(&mut self, namespace: &Namespace) -> Result<bool> {
        if !self.session.is_closed() {
            return Ok(false);
        }
        eprintln!(
            "the session of peer {} that stays is over: {:?}",
            self.number,
            self.session.notification()
        );
        self.session = Self::dial(namespace, self.number)?;
        Ok(true)
    }

    /// Number of routes that are missing, superfluous, or of another version.
    pub(super) fn wrong(&self, expected: &BTreeMap<IpNet, Vec<u8>>) -> usize {
        let table = self.session.table();
        let is_right = |prefix: &IpNet, mark: &Vec<u8>| {
            let route = table.get(&(*prefix, None)).and_then(|route| route.get(&8));
            route.is_some_and(|(_, communities)| communities == mark)
        };
        let wrong = expected.iter().filter(|(prefix, mark)| !is_right(prefix, mark)).count();
        let superfluous = table.keys().filter(|(prefix, _)| !expected.contains_key(prefix)).count();
        wrong + superfluous
    }
}

//! The ranges from which dynamic peers may connect.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use bgp_codec::{Notification, Prefix};
use margay_config::{Config, DynamicPeers, PeerPlace};
use margay_session::State;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tracing::{debug, error, warn};

use super::super::options;
use crate::listener::Listener;
use crate::machine::{Machine, TcpPassword};
use crate::peer::{PeerStatus, Rejections};
use crate::speaker::PeerKey;

/// The ranges from which peers may connect.
pub(super) struct Ranges {
    machine: Machine,
    /// The ranges that are open.
    open: BTreeMap<Prefix, OpenRange>,
    pub(super) rejections: Rejections,
    departures: mpsc::Sender<Departure>,
}

/// A range from which connections are accepted.
#[derive(Default)]
struct OpenRange {
    password: Option<TcpPassword>,
    /// Whether it was logged that the limit of peers is reached; further rejections are logged at level
    /// debug.
    is_known_full: bool,
}

/// A dynamic peer has not had a connection for a while.
pub(crate) struct Departure {
    pub(super) place: PeerPlace,
    pub(super) key: PeerKey,
}

impl Ranges {
    /// Makes an empty set of ranges. Departures are received from the queue.
    pub(super) fn new(machine: &Machine) -> (Self, mpsc::Receiver<Departure>) {
        let (departures, receiver) = mpsc::channel(DEPARTURES);
        let (machine, rejections) = (machine.clone(), Rejections::new());
        (Self { machine, open: BTreeMap::new(), rejections, departures }, receiver)
    }

    /// Opens the ranges of the configuration with their present passwords, and closes all others.
    pub(super) fn open(&mut self, config: &Config, listener: &mut Listener) {
        let closed: Vec<Prefix> = self.open.keys().copied().collect();
        let is_configured = |range| config.dynamic_peers().iter().any(|dynamic| dynamic.range == range);
        for range in closed.into_iter().filter(|&range| !is_configured(range)) {
            self.close_range(range, listener);
        }
        self.open.values_mut().for_each(|open| open.is_known_full = false);
        for dynamic in config.dynamic_peers() {
            if let Err(error) = self.open_range(dynamic, listener) {
                // One invalid object does not take down the others.
                error!(range = %dynamic.range, "connections from this range cannot be taken: {error:#}");
                self.close_range(dynamic.range, listener);
            }
        }
    }

    fn open_range(&mut self, dynamic: &DynamicPeers, listener: &mut Listener) -> anyhow::Result<()> {
        let password = match (
            options::peer_password(&self.machine, dynamic.template()),
            self.open.get(&dynamic.range),
        ) {
            (Ok(password), Some(open)) if open.password == password => return Ok(()),
            // If a password cannot be read, sessions keep the former one.
            (Err(error), Some(open)) if open.password.is_some() => {
                warn!(range = %dynamic.range, "the former password stays: {error:#}");
                return Ok(());
            }
            (password, _) => password?,
        };
        listener.add_range(dynamic.range, password.as_ref())?;
        self.open.insert(dynamic.range, OpenRange { password, is_known_full: false });
        Ok(())
    }

    fn close_range(&mut self, range: Prefix, listener: &mut Listener) {
        self.open.remove(&range);
        if let Err(error) = listener.remove_range(range) {
            warn!(%range, %error, "the TCP password stays with the listening sockets");
        }
    }

    /// The password of a range that is open; `None` if it is closed.
    pub(super) fn password(&self, range: Prefix) -> Option<&Option<TcpPassword>> {
        self.open.get(&range).map(|open| &open.password)
    }

    /// The password of the range, if another peer than the `present` ones may be added in it.
    ///
    /// # Errors
    ///
    /// None may be; the error is the NOTIFICATION for it.
    pub(super) fn take_place(
        &mut self,
        address: IpAddr,
        dynamic: &DynamicPeers,
        present: usize,
    ) -> Result<Option<TcpPassword>, Notification> {
        let DynamicPeers { range, limit, .. } = *dynamic;
        let open = self.open.get_mut(&range).ok_or_else(Notification::connection_rejected)?;
        if present < limit as usize {
            return Ok(open.password.clone());
        }
        if open.is_known_full {
            debug!(%address, %range, limit, "connection rejected: the limit of dynamic peers is reached");
        } else {
            open.is_known_full = true;
            warn!(%address, %range, limit, "connection rejected: the limit of dynamic peers is reached; \
                   further ones are logged at level debug");
        }
        Err(Notification::connection_rejected())
    }

    /// Notes that a peer of the range has gone.
    pub(super) fn free_place(&mut self, range: Prefix) {
        if let Some(open) = self.open.get_mut(&range) {
            open.is_known_full = false;
        }
    }

    /// Has it reported when the peer with this status has had no connection for a while.
    pub(super) fn await_departure(&self, status: watch::Receiver<PeerStatus>, departure: Departure) {
        tokio::spawn(await_departure(status, departure, self.departures.clone()));
    }
}

/// Reports when a passive peer has had no connection for a while. Returns without a report if its task ends
/// before.
async fn await_departure(
    mut status: watch::Receiver<PeerStatus>,
    departure: Departure,
    departures: mpsc::Sender<Departure>,
) {
    loop {
        // After a failure it is Idle at first, possibly with an error that is to be kept.
        if status.wait_for(|status| status.state == State::Active).await.is_err() {
            return;
        }
        match timeout(ABSENCE, status.wait_for(|status| status.state != State::Active)).await {
            Err(_) => break,
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return,
        }
    }
    // The receiver is gone when the daemon is stopping.
    drop(departures.send(departure).await);
}

/// Capacity of the queue of departures. Senders wait while it is full.
const DEPARTURES: usize = 64;

/// Time without a connection after which a dynamic peer is removed.
const ABSENCE: Duration = Duration::from_secs(5);

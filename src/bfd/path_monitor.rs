//! What it takes to monitor the path to a peer.

use std::net::SocketAddr;

use margay_bfd::{Hops, SessionKey, SessionOptions};

use super::{BfdHandle, BfdSession, PathWatch};

/// How the path to a peer is monitored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PathOptions {
    /// Whether the peer shares a link with this node.
    pub hops: Hops,
    /// Intervals and keys.
    pub session: SessionOptions,
}

/// Monitors the path to a peer: the way to the thread, and what to ask of it.
#[derive(Clone, Debug)]
pub struct PathMonitor {
    /// The way to the thread.
    pub bfd: BfdHandle,
    /// What to ask.
    pub options: PathOptions,
}

impl PathMonitor {
    /// Monitors the path between the ends of a connection from now on. A watch that runs already goes on if it is of the same
    /// session, with the present options.
    pub(crate) fn watch(
        &self,
        running: Option<PathWatch>,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> PathWatch {
        let PathOptions { hops, session } = &self.options;
        let key = SessionKey { remote: remote.ip(), interface: interface_of(remote), hops: *hops };
        match running {
            Some(watch) if watch.key() == key => {
                watch.change(session.clone());
                watch
            }
            Some(_) | None => {
                let session = BfdSession { key, local: local.ip(), options: session.clone() };
                self.bfd.watch(session)
            }
        }
    }
}

/// The interface of a link-local address.
pub(crate) fn interface_of(address: SocketAddr) -> Option<u32> {
    match address {
        SocketAddr::V4(_) => None,
        SocketAddr::V6(address) => Some(address.scope_id()).filter(|&scope| scope != 0),
    }
}

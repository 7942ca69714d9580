//! Connections that came from the peer's address and on which no OPEN was accepted yet.

use std::collections::VecDeque;

use crate::ConnectionId;
use crate::connection::Connection;

/// A host that shares the peer's address can open them (behind the same address translation, for instance), so none of them may
/// keep the peer out: each fails on its own, and when there are too many, the oldest is closed. A peer sends its OPEN at once, and
/// its connection then ceases to be a candidate.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    connections: VecDeque<Connection>,
}

impl Candidates {
    /// Takes one more. Returns the one that has to go for it.
    pub(crate) fn push(&mut self, connection: Connection) -> Option<Connection> {
        let oldest = if self.connections.len() < MOST { None } else { self.connections.pop_front() };
        self.connections.push_back(connection);
        oldest
    }

    /// Takes out the one of this id.
    pub(crate) fn take(&mut self, id: ConnectionId) -> Option<Connection> {
        let index = self.connections.iter().position(|connection| connection.id() == id)?;
        self.connections.remove(index)
    }

    /// Puts one back that was taken out, as the youngest.
    pub(crate) fn put_back(&mut self, connection: Connection) {
        self.connections.push_back(connection);
    }

    /// Takes out all of them.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = Connection> + use<> {
        std::mem::take(&mut self.connections).into_iter()
    }

    /// The ids, the oldest first.
    pub(crate) fn ids(&self) -> Vec<ConnectionId> {
        self.iter().map(Connection::id).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.connections.iter()
    }
}

/// How many there may be. At a thousand new ones a second the peer still has some milliseconds for its OPEN.
const MOST: usize = 8;

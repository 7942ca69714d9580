//! The router's side of a session with a cache (RFC 8210 §8).

mod incoming;

use std::collections::BTreeSet;
use std::time::Duration;

use margay_timestamp::Timestamp;

pub use self::incoming::MAX_PAYLOADS;
use self::incoming::{Incoming, TransferFault};
use crate::change::PayloadChange;
use crate::payload::RoutePayload;
use crate::pdu::{ErrorCode, Intervals, Pdu, PduError, Version};

/// How long a cache may say nothing while it owes an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// RFC 8210 §6: the times without those of the cache, and the limits of those.
const REFRESH: (Duration, [u32; 2]) = (Duration::from_secs(3600), [1, 86_400]);
const RETRY: (Duration, [u32; 2]) = (Duration::from_secs(600), [1, 7200]);
const EXPIRE: (Duration, [u32; 2]) = (Duration::from_secs(7200), [600, 172_800]);

/// Times in place of those that the cache asks for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ClientOptions {
    /// Until the next query after a complete transfer.
    pub refresh: Option<Duration>,
    /// Until the next attempt after a failed one.
    pub retry: Option<Duration>,
    /// Until payloads are dropped that could not be refreshed.
    pub expire: Option<Duration>,
}

/// Why the connection has to be closed. An Error Report to the cache, where one is due, waits to be sent.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClientError {
    /// The cache sent something that is not a message.
    #[error("{0}")]
    Pdu(#[from] PduError),
    /// The cache sent a message that does not belong there.
    #[error("an unexpected message")]
    Unexpected,
    /// The cache sent a message of another version than the session has.
    #[error("a message of another protocol version")]
    OtherVersion,
    /// The cache announces what it has announced, or withdraws what it has not.
    #[error("{0}")]
    Transfer(ErrorCode),
    /// The cache announces more payloads than are taken.
    #[error("more than {MAX_PAYLOADS} payloads")]
    TooMany,
    /// The cache does not know the version; an older one is tried next.
    #[error("the cache does not support the protocol version")]
    OlderVersion,
    /// The cache has forgotten the session: everything is transferred again.
    #[error("the cache has another session")]
    SessionChanged,
    /// The cache reports an error.
    #[error("the cache reports: {code}{}{text}", if text.is_empty() { "" } else { ": " })]
    Reported {
        /// Its reason.
        code: ErrorCode,
        /// Its explanation.
        text: String,
    },
    /// The cache owes an answer.
    #[error("the cache does not answer")]
    Silent,
}

/// What operators are shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientStatus {
    /// Whether there is a connection.
    pub is_connected: bool,
    /// The version that is in use, or tried.
    pub version: Version,
    /// The session of the cache, once a transfer was complete.
    pub session: Option<u16>,
    /// The number of the data.
    pub serial: Option<u32>,
    /// When the last transfer was complete.
    pub updated_at: Option<Timestamp>,
    /// When the payloads are dropped, unless they are refreshed.
    pub expires_at: Option<Timestamp>,
    /// Payloads for IPv4 and for IPv6.
    pub payloads: [usize; 2],
}

/// A session, which outlives its connections.
#[derive(Debug)]
pub struct Client {
    options: ClientOptions,
    intervals: Option<Intervals>,
    version: Version,
    /// Whether the cache has answered on this connection.
    is_version_agreed: bool,
    state: State,
    /// The cache's session and the serial number of the payloads.
    data: Option<(u16, u32)>,
    payloads: BTreeSet<RoutePayload>,
    /// How many of them are for IPv4.
    ipv4_payloads: usize,
    updated_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    transmit: Vec<u8>,
    change: Option<PayloadChange>,
}

#[derive(Debug)]
enum State {
    /// No connection; the next attempt is due then.
    Down(Timestamp),
    /// A query was sent. The last octets came, or the query went, at this moment.
    Asked(Timestamp, Query),
    /// An answer arrives.
    Receiving(Timestamp, Incoming),
    /// Nothing is owed until the next query.
    Idle(Timestamp),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Query {
    Reset,
    Serial,
}

impl Client {
    /// A session that is to be connected at once.
    #[must_use]
    pub fn new(options: ClientOptions, now: Timestamp) -> Self {
        Self {
            options,
            intervals: None,
            version: Version::Two,
            is_version_agreed: false,
            state: State::Down(now),
            data: None,
            payloads: BTreeSet::new(),
            ipv4_payloads: 0,
            updated_at: None,
            expires_at: None,
            transmit: Vec::new(),
            change: None,
        }
    }

    /// When the next attempt to connect is due; `None` while there is a connection.
    #[must_use]
    pub fn connect_at(&self) -> Option<Timestamp> {
        if let State::Down(at) = self.state { Some(at) } else { None }
    }

    /// Whether payloads of a complete transfer are there that have not expired.
    #[must_use]
    pub fn has_data(&self) -> bool {
        self.expires_at.is_some()
    }

    /// There is a connection: the first query goes out.
    pub fn handle_connected(&mut self, now: Timestamp) {
        self.is_version_agreed = false;
        self.transmit.clear();
        self.ask(now);
    }

    /// The connection has ended, or could not be made. `error` is what [`handle_octets`](Self::handle_octets) or
    /// [`handle_timeout`](Self::handle_timeout) returned, if one of them did.
    pub fn handle_closed(&mut self, now: Timestamp, error: Option<&ClientError>) {
        let is_at_once = matches!(error, Some(ClientError::OlderVersion | ClientError::SessionChanged));
        self.transmit.clear();
        self.state = State::Down(if is_at_once { now } else { now + self.retry() });
    }

    /// Takes whole messages from the front of a buffer. Returns how many octets they had.
    ///
    /// # Errors
    ///
    /// The connection has to be closed, after what [`poll_transmit`](Self::poll_transmit) still returns was sent.
    pub fn handle_octets(&mut self, buffer: &[u8], now: Timestamp) -> Result<usize, ClientError> {
        let mut taken = 0;
        loop {
            let rest = buffer.get(taken..).unwrap_or_default();
            match Pdu::decode(rest) {
                Ok(None) => return Ok(taken),
                Ok(Some((version, pdu, octets))) => {
                    taken += octets;
                    self.handle_pdu(version, pdu, now)?;
                }
                Err(error) => {
                    self.report(error.code());
                    return Err(error.into());
                }
            }
        }
    }

    /// Does what is due at this time.
    ///
    /// # Errors
    ///
    /// The connection has to be closed.
    pub fn handle_timeout(&mut self, now: Timestamp) -> Result<(), ClientError> {
        if self.expires_at.is_some_and(|at| at <= now) {
            self.forget();
        }
        match self.state {
            State::Idle(at) if at <= now => self.ask(now),
            State::Asked(since, _) | State::Receiving(since, _) if since + PATIENCE <= now => {
                return Err(ClientError::Silent);
            }
            State::Down(_) | State::Idle(_) | State::Asked(..) | State::Receiving(..) => {}
        }
        Ok(())
    }

    /// Until when nothing happens by itself. An attempt to connect is not among it.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Timestamp> {
        let of_state = match self.state {
            State::Down(_) => None,
            State::Idle(at) => Some(at),
            State::Asked(since, _) | State::Receiving(since, _) => Some(since + PATIENCE),
        };
        [of_state, self.expires_at].into_iter().flatten().min()
    }

    /// Octets for the cache.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        Some(std::mem::take(&mut self.transmit)).filter(|octets| !octets.is_empty())
    }

    /// What complete transfers and expiry have changed since the last call.
    pub fn poll_change(&mut self) -> Option<PayloadChange> {
        self.change.take()
    }

    /// What operators are shown.
    #[must_use]
    pub fn status(&self) -> ClientStatus {
        let ipv4 = self.ipv4_payloads;
        ClientStatus {
            is_connected: !matches!(self.state, State::Down(_)),
            version: self.version,
            session: self.data.map(|(session, _)| session),
            serial: self.data.map(|(_, serial)| serial),
            updated_at: self.updated_at,
            expires_at: self.expires_at,
            payloads: [ipv4, self.payloads.len() - ipv4],
        }
    }

    fn handle_pdu(&mut self, version: Version, pdu: Pdu, now: Timestamp) -> Result<(), ClientError> {
        if let Pdu::ErrorReport { code, text } = pdu {
            return self.handle_report(version, code, text, now);
        }
        self.agree_on(version)?;
        match (std::mem::replace(&mut self.state, State::Idle(now)), pdu) {
            (State::Idle(at), Pdu::SerialNotify { session, serial }) => {
                self.state = State::Idle(at);
                let is_newer = self.data.is_none_or(|(ours, known)| ours != session || known != serial);
                if is_newer {
                    self.ask(now);
                }
            }
            // The answer that is under way brings it.
            (state @ (State::Asked(..) | State::Receiving(..)), Pdu::SerialNotify { .. }) => {
                self.state = state;
            }
            (State::Asked(_, query), Pdu::CacheResponse { session }) => {
                if query == Query::Serial && self.data.is_none_or(|(ours, _)| ours != session) {
                    self.data = None;
                    return Err(ClientError::SessionChanged);
                }
                let incoming = match query {
                    Query::Reset => Incoming::whole(session),
                    Query::Serial => Incoming::difference(session),
                };
                self.state = State::Receiving(now, incoming);
            }
            (State::Asked(_, Query::Serial), Pdu::CacheReset) => {
                self.data = None;
                self.ask(now);
            }
            (State::Receiving(_, mut incoming), Pdu::Payload { is_announced, payload }) => {
                incoming.take(&self.payloads, payload, is_announced).map_err(|fault| self.refuse(fault))?;
                self.state = State::Receiving(now, incoming);
            }
            (State::Receiving(_, incoming), Pdu::OtherPayload) => {
                self.state = State::Receiving(now, incoming);
            }
            (State::Receiving(_, incoming), Pdu::EndOfData { session, serial, intervals })
                if session == incoming.session =>
            {
                self.finish(incoming, serial, intervals, now);
            }
            _ => {
                self.report(ErrorCode::CORRUPT_DATA);
                return Err(ClientError::Unexpected);
            }
        }
        Ok(())
    }

    /// RFC 8210 §7: the first answer has the version of the session, at most that of the query.
    fn agree_on(&mut self, version: Version) -> Result<(), ClientError> {
        if !self.is_version_agreed && version <= self.version {
            self.version = version;
            self.is_version_agreed = true;
        }
        if version == self.version {
            return Ok(());
        }
        self.report(ErrorCode::UNEXPECTED_VERSION);
        Err(ClientError::OtherVersion)
    }

    /// An Error Report is never answered with another one (RFC 8210 §5.11).
    fn handle_report(
        &mut self,
        version: Version,
        code: ErrorCode,
        text: String,
        now: Timestamp,
    ) -> Result<(), ClientError> {
        if code == ErrorCode::NO_DATA_AVAILABLE {
            self.state = State::Idle(now + self.retry());
            return Ok(());
        }
        let older = match self.version {
            Version::Two => Some(version.min(Version::One)),
            Version::One => Some(Version::Zero),
            Version::Zero => None,
        };
        match older {
            Some(older) if code == ErrorCode::UNSUPPORTED_VERSION && !self.is_version_agreed => {
                self.version = older;
                Err(ClientError::OlderVersion)
            }
            Some(_) | None => Err(ClientError::Reported { code, text }),
        }
    }

    fn ask(&mut self, now: Timestamp) {
        let (query, pdu) = match self.data {
            Some((session, serial)) => (Query::Serial, Pdu::SerialQuery { session, serial }),
            None => (Query::Reset, Pdu::ResetQuery),
        };
        pdu.encode(self.version, &mut self.transmit);
        self.state = State::Asked(now, query);
    }

    /// The transfer is complete: its payloads are in use from now on, all at once.
    fn finish(&mut self, incoming: Incoming, serial: u32, intervals: Option<Intervals>, now: Timestamp) {
        let session = incoming.session;
        let change = incoming.finish(&mut self.payloads);
        self.ipv4_payloads =
            self.payloads.iter().filter(|payload| payload.prefix.network().is_ipv4()).count();
        self.note(change);
        self.data = Some((session, serial));
        self.intervals = intervals;
        self.updated_at = Some(now);
        self.expires_at = Some(now + self.expire());
        self.state = State::Idle(now + self.refresh());
    }

    /// The payloads have expired.
    fn forget(&mut self) {
        let removed = std::mem::take(&mut self.payloads).into_iter().collect();
        self.note(PayloadChange { added: Vec::new(), removed });
        self.ipv4_payloads = 0;
        self.data = None;
        self.expires_at = None;
    }

    /// Adds a change to those that were not taken yet.
    fn note(&mut self, next: PayloadChange) {
        let Some(waiting) = &mut self.change else {
            self.change = Some(next);
            return;
        };
        let PayloadChange { added, removed } = next;
        let mut all_added: BTreeSet<RoutePayload> = waiting.added.drain(..).collect();
        let mut all_removed: BTreeSet<RoutePayload> = waiting.removed.drain(..).collect();
        removed.into_iter().filter(|payload| !all_added.remove(payload)).for_each(|payload| {
            all_removed.insert(payload);
        });
        let added: Vec<_> = added.into_iter().filter(|payload| !all_removed.remove(payload)).collect();
        all_added.extend(added);
        *waiting = PayloadChange {
            added: all_added.into_iter().collect(),
            removed: all_removed.into_iter().collect(),
        };
    }

    fn refuse(&mut self, fault: TransferFault) -> ClientError {
        match fault {
            TransferFault::Known => {
                self.report(ErrorCode::DUPLICATE_ANNOUNCEMENT);
                ClientError::Transfer(ErrorCode::DUPLICATE_ANNOUNCEMENT)
            }
            TransferFault::Unknown => {
                self.report(ErrorCode::UNKNOWN_WITHDRAWAL);
                ClientError::Transfer(ErrorCode::UNKNOWN_WITHDRAWAL)
            }
            TransferFault::TooMany => {
                self.report(ErrorCode::INTERNAL_ERROR);
                ClientError::TooMany
            }
        }
    }

    /// After a fault the payloads of this transfer are not used, and the next one is of everything.
    fn report(&mut self, code: ErrorCode) {
        self.data = None;
        Pdu::ErrorReport { code, text: code.to_string() }.encode(self.version, &mut self.transmit);
    }

    fn refresh(&self) -> Duration {
        interval(self.options.refresh, self.intervals.map(|times| times.refresh), REFRESH)
    }

    fn retry(&self) -> Duration {
        interval(self.options.retry, self.intervals.map(|times| times.retry), RETRY)
    }

    fn expire(&self) -> Duration {
        interval(self.options.expire, self.intervals.map(|times| times.expire), EXPIRE)
    }
}

/// The operator's time, or the cache's within its limits, or the usual one.
fn interval(
    configured: Option<Duration>,
    asked: Option<u32>,
    (usual, [least, most]): (Duration, [u32; 2]),
) -> Duration {
    let asked = asked.map(|seconds| Duration::from_secs(seconds.clamp(least, most).into()));
    configured.or(asked).unwrap_or(usual)
}

#[cfg(test)]
mod tests;

//! The commands of BIRD 1.6 on a Unix socket, for Calico's tools.

mod routes;
mod shown;

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use margay_bird_ctl::{
    BgpSession, Command, Protocol, ProtocolKind, ProtocolPattern, ProtocolState, Recovery, Reply,
    RoutesCommand, Status, UnixTime, banner, details, table,
};
use margay_control::{ReloadQuery, ReloadReport};
use margay_session::State;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use self::routes::{KERNEL, RoutesReply, STATIC};
pub use self::shown::BirdFamily;
use self::shown::{Clock, symbol};
use super::api::Api;
use super::error::ApiError;
use super::peers::remote_asn;
use super::unix_socket;
use crate::daemon::{DaemonRequest, DaemonStatus, PeerEntry};
use crate::speaker::SpeakerCounts;

/// Opens the socket, readable and writable for its owner and group, and answers commands until the future is
/// dropped.
///
/// # Errors
///
/// The socket cannot be created, or another daemon answers on it.
pub async fn serve_bird(
    socket: &Path,
    family: BirdFamily,
    api: Api,
) -> io::Result<impl Future<Output = ()> + use<>> {
    let listener = unix_socket::bind(socket).await?;
    Ok(accept_from(listener, Arc::new(Bird { family, api })))
}

async fn accept_from(listener: UnixListener, bird: Arc<Bird>) {
    let room = Arc::new(Semaphore::new(CLIENTS));
    loop {
        // A closed semaphore is the only error, and nothing closes it.
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(serve_client(stream, Arc::clone(&bird), permit))),
            Err(error) => {
                warn!(%error, "cannot accept clients of BIRD's commands");
                sleep(RETRY).await;
            }
        }
    }
}

async fn serve_client(stream: UnixStream, bird: Arc<Bird>, _permit: OwnedSemaphorePermit) {
    match timeout(CONNECTION_TIME, bird.converse(stream)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a client of BIRD's commands is gone"),
        Err(_) => debug!("a client of BIRD's commands was disconnected after {CONNECTION_TIME:?}"),
    }
}

/// One socket.
struct Bird {
    family: BirdFamily,
    api: Api,
}

impl Bird {
    async fn converse(&self, mut stream: UnixStream) -> io::Result<()> {
        let (reader, mut writer) = stream.split();
        let mut reader = BufReader::new(reader);
        writer.write_all(banner(VERSION).as_bytes()).await?;
        loop {
            let mut line = Vec::new();
            (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
            let Some(command) = line.strip_suffix(b"\n") else {
                // The end of the input, or a line that is too long.
                return Ok(());
            };
            match Command::parse(&String::from_utf8_lossy(command)) {
                Some(Command::Routes(command)) => self.send_routes(command, &mut writer).await?,
                command => {
                    let reply = self.reply(command).await;
                    let reply = reply.unwrap_or_else(|error| Reply::default().end(8000, error));
                    writer.write_all(reply.as_bytes()).await?;
                }
            }
        }
    }

    /// Sends routes page by page: a table may be larger than what fits into memory a second time.
    async fn send_routes(
        &self,
        command: RoutesCommand,
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<()> {
        match RoutesReply::new(&self.api, self.family, command).await {
            Ok(mut reply) => {
                while let Some(part) = reply.next_part().await {
                    writer.write_all(part.as_bytes()).await?;
                }
                Ok(())
            }
            Err(refusal) => writer.write_all(refusal.as_bytes()).await,
        }
    }

    async fn reply(&self, command: Option<Command>) -> Result<String, ApiError> {
        match command {
            Some(Command::Status) => self.status().await,
            Some(Command::Protocols(pattern)) => self.protocols(&pattern, table).await,
            Some(Command::ProtocolDetails(pattern)) => self.protocols(&pattern, details).await,
            Some(Command::Configure) => self.configure().await,
            Some(Command::Routes(_)) | None => Ok(Reply::default().end(9001, "syntax error")),
        }
    }

    async fn status(&self) -> Result<String, ApiError> {
        let status = self.api.ask_daemon(DaemonRequest::Status).await?;
        let (peers, counts) = (self.peers().await?, self.api.counts().await?);
        let waiting = peers.iter().filter(|peer| is_awaited(peer, &counts)).count();
        let clock = Clock::now();
        let status = Status {
            version: VERSION.to_owned(),
            router_id: status.config.global().router_id.to_ipv4(),
            now: clock.now,
            started: clock.before(status.uptime),
            configured: clock.before(status.config_age),
            recovery: counts.holds_back.then_some(Recovery { waiting, timer: None }),
        };
        Ok(status.reply())
    }

    async fn protocols(
        &self,
        pattern: &ProtocolPattern,
        print: fn(&[Protocol], UnixTime) -> String,
    ) -> Result<String, ApiError> {
        let status = self.api.ask_daemon(DaemonRequest::Status).await?;
        let (peers, counts) = (self.peers().await?, self.api.counts().await?);
        let clock = Clock::now();
        let mut protocols = own_protocols(&status, clock.before(status.uptime));
        protocols.extend(peers.iter().map(|peer| protocol(peer, &counts, &clock)));
        protocols.retain(|protocol| pattern.matches(&protocol.name));
        Ok(match pattern {
            ProtocolPattern::Name(name) if protocols.is_empty() => {
                Reply::default().end(9002, format_args!("{name} is not a protocol"))
            }
            ProtocolPattern::Glob(_) if protocols.is_empty() => {
                Reply::default().end(8003, "No protocols match")
            }
            _ => print(&protocols, clock.now),
        })
    }

    async fn configure(&self) -> Result<String, ApiError> {
        let status = self.api.ask_daemon(DaemonRequest::Status).await?;
        let query = ReloadQuery::default();
        let report = self.api.ask_daemon(|answer| DaemonRequest::Reload(query, answer)).await?;
        Ok(configured(&report, &status.config_file.display().to_string()))
    }

    async fn peers(&self) -> Result<Vec<PeerEntry>, ApiError> {
        let mut peers = self.api.ask_daemon(DaemonRequest::Peers).await?;
        peers.retain(|peer| match peer.config.address {
            IpAddr::V4(_) => self.family == BirdFamily::Ipv4,
            IpAddr::V6(_) => self.family == BirdFamily::Ipv6,
        });
        peers.sort_by(|a, b| a.config.name.cmp(&b.config.name));
        Ok(peers)
    }
}

/// The reply to `configure`: errors that leave out objects are named, as nothing in BIRD's text is for them.
fn configured(report: &ReloadReport, file: &str) -> String {
    let mut reply = Reply::default();
    reply.line(2, format_args!("Reading configuration from {file}"));
    match report.errors.first() {
        Some(error) if report.is_refused() => reply.end(8002, error),
        Some(error) => reply.end(3, format_args!("Reconfigured, without objects that have errors: {error}")),
        None => reply.end(3, "Reconfigured"),
    }
}

/// What routes come from or go to besides peers.
fn own_protocols(status: &DaemonStatus, since: UnixTime) -> Vec<Protocol> {
    let own = |name: &str, kind| Protocol {
        name: name.to_owned(),
        kind,
        state: ProtocolState::Up,
        since,
        description: None,
        session: None,
    };
    let kernel = status.config.kernel().map(|_| own(KERNEL, ProtocolKind::Kernel));
    std::iter::once(own(STATIC, ProtocolKind::Static)).chain(kernel).collect()
}

fn protocol(peer: &PeerEntry, counts: &SpeakerCounts, clock: &Clock) -> Protocol {
    let PeerEntry { config, status, .. } = peer;
    let families =
        counts.peers.iter().find(|(key, _)| *key == peer.key).map(|(_, families)| families.as_slice());
    let sum = |count: fn(&margay_rib::PeerCounts) -> usize| {
        families.unwrap_or_default().iter().map(|family| count(&family.routes) as u64).sum()
    };
    let absence = counts.absences.iter().find(|(key, _)| *key == peer.key);
    let established = status.established.as_ref();
    Protocol {
        name: symbol(&config.name),
        kind: ProtocolKind::Bgp,
        state: match status.state {
            _ if peer.held_down.is_some() => ProtocolState::Down,
            State::Established if is_awaited(peer, counts) && counts.holds_back => ProtocolState::Wait,
            State::Established => ProtocolState::Up,
            State::Idle | State::Connect | State::Active | State::OpenSent | State::OpenConfirm => {
                ProtocolState::Start
            }
        },
        since: clock.before(status.since.elapsed()),
        description: config.description.clone(),
        session: Some(BgpSession {
            state: session_state(status.state, config.passive).to_owned(),
            last_error: peer
                .held_down
                .clone()
                .or_else(|| status.last_error.clone().filter(|_| status.state != State::Established)),
            routes: (sum(|counts| counts.accepted), sum(|counts| counts.advertised)),
            address: config.address,
            asn: remote_asn(peer),
            router_id: established.map(|session| session.negotiated.peer_identifier.to_ipv4()),
            source: established.map(|session| session.local_address.ip()),
            restart_timer: absence.map(|(_, absence)| absence.left.as_secs()),
        }),
    }
}

/// Whether a peer has not announced all its routes yet.
fn is_awaited(peer: &PeerEntry, counts: &SpeakerCounts) -> bool {
    let session = counts.peers.iter().find(|(key, _)| *key == peer.key);
    session.is_none_or(|(_, families)| families.iter().any(|family| !family.end_of_rib_received))
}

/// The states in BIRD's words: a passive peer that waits has one of its own.
fn session_state(state: State, is_passive: bool) -> &'static str {
    match state {
        State::Idle => "Idle",
        State::Connect => "Connect",
        State::Active if is_passive => "Passive",
        State::Active => "Active",
        State::OpenSent => "OpenSent",
        State::OpenConfirm => "OpenConfirm",
        State::Established => "Established",
    }
}

/// The version, with that of the BIRD whose text this is.
const VERSION: &str = concat!("margay-", env!("CARGO_PKG_VERSION"), "+birdv1.6.8");

/// Clients at a time; others wait.
const CLIENTS: usize = 32;

/// Time after which a client is disconnected.
const CONNECTION_TIME: Duration = Duration::from_secs(600);

/// Octets of the longest line.
const LONGEST_LINE: u64 = 4096;

/// Time after a failure to accept.
const RETRY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_calico_stay_and_others_become_one_word() {
        for (name, expected) in [
            ("Mesh_10_192_0_3", "Mesh_10_192_0_3"),
            ("10.0.0.12", "10_0_0_12"),
            ("2001:db8::1", "2001_db8__1"),
            ("rack 1/tor", "rack_1_tor"),
        ] {
            assert_eq!(symbol(name), expected);
        }
    }
}

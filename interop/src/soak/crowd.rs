//! Peers that come and go: sessions, resets, half-open connections, garbage, changes of routes, in an order from a seed.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use ipnet::IpNet;
use socket2::{Domain, Socket, Type};

use super::addresses::{DAEMON, PEER_ASN, crowd_address, identity};
use super::prefixes::{mark, of_peer};
use super::world::World;
use crate::probe::{Session, attribute, attributes, update, withdrawal};

/// All peers that come and go.
pub(super) struct Crowd {
    peers: Vec<Member>,
    half_open: Vec<(Instant, TcpStream)>,
    random: u64,
    pub(super) counts: Counts,
    /// Sessions that the daemon ended without a cause.
    pub(super) lost: usize,
}

#[derive(Default)]
struct Member {
    has_address: bool,
    session: Option<Session>,
    /// Version of its routes, if it announces them.
    version: Option<u16>,
    /// Whether it has sent what ends its session.
    is_guilty: bool,
}

/// How often what was done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) sessions: usize,
    pub(super) refused: usize,
    pub(super) closed: usize,
    pub(super) reset: usize,
    pub(super) garbage: usize,
    pub(super) half_open: usize,
    pub(super) updates: usize,
}

impl Crowd {
    pub(super) fn new(number: u16, seed: u64) -> Self {
        Self {
            peers: (0..number).map(|_| Member::default()).collect(),
            half_open: Vec::new(),
            random: seed.wrapping_mul(2).wrapping_add(1),
            counts: Counts::default(),
            lost: 0,
        }
    }

    /// Lets peers act for a while.
    pub(super) fn act_for(&mut self, time: Duration, world: &World) -> Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.act(world)?;
        }
        Ok(())
    }

    /// One act of one peer.
    fn act(&mut self, world: &World) -> Result<()> {
        self.half_open.retain(|(since, _)| since.elapsed() < HALF_OPEN_TIME);
        let index = usize::try_from(self.draw()).unwrap_or(0) % self.peers.len();
        self.notice_end(index);
        if self.peers[index].session.is_none() {
            return match self.draw() % 10 {
                0 => self.open_half(index, world),
                _ => self.connect(index, world),
            };
        }
        match self.draw() % 64 {
            0 => self.leave(index, false),
            1 => self.leave(index, true),
            2 => self.send_garbage(index),
            3..7 => self.withdraw(index),
            _ => self.announce(index),
        }
    }

    /// Counts a session that is over; a peer that sent garbage is the cause itself.
    pub(super) fn notice_ends(&mut self) {
        (0..self.peers.len()).for_each(|index| self.notice_end(index));
    }

    fn notice_end(&mut self, index: usize) {
        let member = &mut self.peers[index];
        let Some(session) = member.session.take_if(|session| session.is_closed()) else { return };
        if !member.is_guilty {
            eprintln!("the session of peer {index} is over: {:?}", session.notification());
            self.lost += 1;
        }
        (member.version, member.is_guilty) = (None, false);
    }

    fn connect(&mut self, index: usize, world: &World) -> Result<()> {
        let own = self.address(index, world)?;
        // One attempt: with few descriptors, or behind a bad link, it may fail.
        match Session::dial(
            &world.crowd,
            own,
            DAEMON.into(),
            &identity(crowd_address(number(index))),
            Instant::now(),
        ) {
            Ok(session) => {
                self.peers[index].session = Some(session);
                self.counts.sessions += 1;
                self.announce(index)
            }
            Err(_) => {
                self.counts.refused += 1;
                thread::sleep(PAUSE);
                Ok(())
            }
        }
    }

    /// Its address, which its namespace has from the first use on.
    fn address(&mut self, index: usize, world: &World) -> Result<IpAddr> {
        let own = crowd_address(number(index));
        // The first one is that of the interface.
        if !self.peers[index].has_address && index > 0 {
            world.crowd.ip(&format!("address add {own}/16 dev eth0"))?;
        }
        self.peers[index].has_address = true;
        Ok(own.into())
    }

    /// Connects, and says nothing.
    fn open_half(&mut self, index: usize, world: &World) -> Result<()> {
        let own = self.address(index, world)?;
        let stream = world.crowd.inside(|| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.bind(&SocketAddr::new(own, 0).into())?;
            socket.connect_timeout(&SocketAddr::new(DAEMON.into(), 179).into(), Duration::from_secs(1))?;
            Ok::<TcpStream, std::io::Error>(socket.into())
        })?;
        if let Ok(stream) = stream {
            self.half_open.push((Instant::now(), stream));
            self.counts.half_open += 1;
        }
        Ok(())
    }

    /// Ends a session by closing the connection, or by a reset.
    fn leave(&mut self, index: usize, by_reset: bool) -> Result<()> {
        let member = &mut self.peers[index];
        let Some(session) = member.session.take() else { return Ok(()) };
        (member.version, member.is_guilty) = (None, false);
        if by_reset {
            self.counts.reset += 1;
            session.reset()
        } else {
            self.counts.closed += 1;
            Ok(())
        }
    }

    /// A header with a wrong marker: the daemon ends the session (RFC 4271 §6.1).
    fn send_garbage(&mut self, index: usize) -> Result<()> {
        self.peers[index].is_guilty = true;
        self.counts.garbage += 1;
        self.send(index, &[0; 19])
    }

    fn announce(&mut self, index: usize) -> Result<()> {
        let version = self.peers[index].version.map_or(0, |version| version.wrapping_add(1));
        let own = IpAddr::from(crowd_address(number(index)));
        let set = [attributes(&[PEER_ASN], own), attribute(0xc0, 8, &mark(version))].concat();
        self.counts.updates += 1;
        self.peers[index].version = Some(version);
        self.send(index, &update(&of_peer(number(index)), &set, own))
    }

    fn withdraw(&mut self, index: usize) -> Result<()> {
        self.counts.updates += 1;
        self.peers[index].version = None;
        self.send(index, &withdrawal(&of_peer(number(index))))
    }

    /// Sends; that the session is over is noticed later.
    fn send(&mut self, index: usize, octets: &[u8]) -> Result<()> {
        if let Some(session) = &mut self.peers[index].session {
            drop(session.send(octets));
        }
        Ok(())
    }

    /// The routes that every other peer must have.
    pub(super) fn expected(&self) -> BTreeMap<IpNet, Vec<u8>> {
        let peers =
            self.peers.iter().enumerate().filter(|(_, member)| !member.is_guilty && member.session.is_some());
        let versions = peers.filter_map(|(index, member)| Some((number(index), member.version?)));
        versions
            .flat_map(|(number, version)| {
                of_peer(number).into_iter().map(move |prefix| (prefix, mark(version)))
            })
            .collect()
    }

    /// Number of sessions.
    pub(super) fn sessions(&self) -> usize {
        self.peers.iter().filter(|member| member.session.is_some()).count()
    }

    /// The next number of a linear congruential generator; its upper bits.
    fn draw(&mut self) -> u64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.random >> 33
    }
}

fn number(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

/// A pause after an attempt that failed: peers that sent garbage are held off for a while.
const PAUSE: Duration = Duration::from_millis(5);
/// How long a half-open connection is kept.
const HALF_OPEN_TIME: Duration = Duration::from_secs(20);

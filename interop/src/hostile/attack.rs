//! What a hostile peer does, on a thread of its own.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use ipnet::{IpNet, Ipv4Net};
use margay_lab::Namespace;

use crate::node::Family;
use crate::probe::{Identity, Kind, Message, Session, attribute, attributes, connect, update};
use crate::stage::{PartyId, Place, Stage};

/// A way to attack.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Attack {
    Connections,
    OctetBySecond,
    Garbage,
    LargeAttributes,
    ManyCommunities,
    Prefixes,
    Refreshes,
    StoppedReader,
}

impl Attack {
    pub(super) const ALL: [Self; 8] = [
        Self::Connections,
        Self::OctetBySecond,
        Self::Garbage,
        Self::LargeAttributes,
        Self::ManyCommunities,
        Self::Prefixes,
        Self::Refreshes,
        Self::StoppedReader,
    ];

    /// What the table calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections without a word",
            Self::OctetBySecond => "an OPEN octet by octet",
            Self::Garbage => "garbage in every state",
            Self::LargeAttributes => "4,096 octets of UPDATE each",
            Self::ManyCommunities => "16,000 communities each",
            Self::Prefixes => "prefixes beyond the limit",
            Self::Refreshes => "refresh storm",
            Self::StoppedReader => "a reader that stops",
        }
    }

    /// Starts it.
    pub(super) fn begin(self, stage: &Stage, subject: PartyId, attacker: &Place) -> Result<Running> {
        let scene = Scene {
            namespace: attacker.namespace.clone(),
            own: attacker.address(Family::Ipv4),
            target: stage.address(subject, Family::Ipv4),
            identity: attacker.identity().with(6, &[]),
            ends: Arc::default(),
            acts: Arc::default(),
        };
        let (ends, acts) = (Arc::clone(&scene.ends), Arc::clone(&scene.acts));
        let worker = thread::spawn(move || scene.attack(self));
        Ok(Running { ends, acts, worker })
    }
}

/// An attack that goes on.
pub(super) struct Running {
    ends: Arc<AtomicBool>,
    acts: Arc<AtomicUsize>,
    worker: JoinHandle<()>,
}

impl Running {
    /// Whether it still goes on.
    pub(super) fn goes_on(&self) -> bool {
        !self.worker.is_finished()
    }

    /// Ends it, and returns how often it connected or sent.
    pub(super) fn end(self) -> Result<usize> {
        self.ends.store(true, Ordering::Relaxed);
        self.worker.join().map_err(|_| anyhow!("the attacker has panicked"))?;
        let acts = self.acts.load(Ordering::Relaxed);
        ensure!(acts > 0, "the attacker has not done anything");
        Ok(acts)
    }
}

/// What an attacker needs.
struct Scene {
    namespace: Namespace,
    own: IpAddr,
    target: IpAddr,
    identity: Identity,
    ends: Arc<AtomicBool>,
    acts: Arc<AtomicUsize>,
}

impl Scene {
    fn attack(&self, attack: Attack) {
        match attack {
            Attack::Connections => self.connections(),
            Attack::OctetBySecond => self.octet_by_second(),
            Attack::Garbage => self.garbage(),
            Attack::LargeAttributes => {
                self.announce(|number| (vec![prefix(number % 500)], communities(number, 1_000)))
            }
            Attack::ManyCommunities => {
                self.announce(|number| (vec![prefix(number % 500)], communities(number, 16_000)))
            }
            Attack::Prefixes => self.announce(|number| {
                ((0..800).map(|index| prefix(number * 800 + index)).collect(), Vec::new())
            }),
            Attack::Refreshes => self
                .in_session(|session, _| session.send(&Message::encode(Kind::RouteRefresh, &[0, 1, 0, 1]))),
            Attack::StoppedReader => self.stopped_reader(),
        }
    }

    fn goes_on(&self) -> bool {
        !self.ends.load(Ordering::Relaxed)
    }

    fn note(&self) {
        self.acts.fetch_add(1, Ordering::Relaxed);
    }

    fn connect(&self) -> Option<TcpStream> {
        connect(&self.namespace, self.own, self.target).inspect(|_| self.note()).ok()
    }

    /// Up to 500 connections at a time.
    fn connections(&self) {
        let mut kept = Vec::new();
        while self.goes_on() {
            kept.extend(self.connect());
            if kept.len() >= 500 {
                kept.clear();
            }
        }
    }

    fn octet_by_second(&self) {
        let open = Message::encode(Kind::Open, &[4; 10]);
        let mut kept: Vec<TcpStream> = (0..50).filter_map(|_| self.connect()).collect();
        for octet in open {
            if !self.goes_on() {
                return;
            }
            kept.retain_mut(|stream| stream.write_all(&[octet]).is_ok());
            thread::sleep(Duration::from_secs(1));
        }
    }

    /// Before an OPEN, in place of the KEEPALIVE, and in a session.
    fn garbage(&self) {
        let noise: Vec<u8> =
            (0..4_096_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]).collect();
        while self.goes_on() {
            if let Some(mut stream) = self.connect() {
                // The daemon may have closed it.
                drop(stream.write_all(&noise));
            }
            if let Some(mut stream) = self.connect() {
                drop(stream.write_all(&self.identity.open()).and_then(|()| stream.write_all(&noise)));
            }
            if let Some(mut session) = self.session() {
                drop(session.send(&noise));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// One attempt at a session.
    fn session(&self) -> Option<Session> {
        Session::dial(&self.namespace, self.own, self.target, &self.identity, Instant::now())
            .inspect(|_| self.note())
            .ok()
    }

    /// Does something in a session again and again, with a number that grows; a session that ends is followed by another one.
    fn in_session(&self, mut act: impl FnMut(&mut Session, u32) -> Result<()>) {
        let mut number = 0;
        while self.goes_on() {
            let Some(mut session) = self.session() else {
                thread::sleep(Duration::from_millis(100));
                continue;
            };
            while self.goes_on() && act(&mut session, number).is_ok() {
                self.note();
                number += 1;
            }
        }
    }

    fn announce(&self, content: impl Fn(u32) -> (Vec<IpNet>, Vec<u8>)) {
        self.in_session(|session, number| {
            let (prefixes, communities) = content(number);
            let own = attributes(&[65003], self.own);
            session.send(&update(&prefixes, &[own, communities].concat(), self.own))
        });
    }

    /// Asks for all routes and reads none: its window is closed, and the daemon's queue for it fills.
    fn stopped_reader(&self) {
        let Some(mut stream) = self.connect() else { return };
        let opening = [self.identity.open(), Message::encode(Kind::Keepalive, &[])].concat();
        if stream.write_all(&opening).is_err() {
            return;
        }
        let refresh = Message::encode(Kind::RouteRefresh, &[0, 1, 0, 1]);
        drop(stream.set_write_timeout(Some(Duration::from_millis(200))));
        while self.goes_on() {
            if stream.write_all(&refresh).is_ok() {
                self.note();
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A COMMUNITIES attribute of a number of them, different each time.
fn communities(first: u32, number: u32) -> Vec<u8> {
    let all: Vec<u8> = (0..number)
        .flat_map(|index| (0x1000_0000 + first.wrapping_mul(31) + index * 7).to_be_bytes())
        .collect();
    attribute(0xc0, 8, &all)
}

/// Host routes from 20.0.0.0 on.
fn prefix(number: u32) -> IpNet {
    let address = Ipv4Addr::from((20_u32 << 24).wrapping_add(number));
    IpNet::V4(Ipv4Net::from(address))
}

/// How long an attack lasts.
pub(super) const TIME: Duration = Duration::from_secs(10);

/// Most prefixes that the daemon accepts of the attacker.
pub(super) const PREFIX_LIMIT: u32 = 1_000;

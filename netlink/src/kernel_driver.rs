//! A reconciler at the kernel of this network namespace.

use std::io;
use std::time::{Duration, Instant};

use margay_reconcile::{Action, Key, Kind, Notice, Operation, Ownership, Reconciler, Refusal, Seen, Value};
use margay_timestamp::Timestamp;
use netlink_packet_core::{NetlinkBuffer, NlaBuffer, NlasIterator};
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::link::LinkMessage;
use netlink_packet_route::neighbour::NeighbourMessage;
use netlink_packet_route::route::RouteMessage;
use netlink_packet_route::rule::RuleMessage;
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::refusal::refusal_of;
use crate::request_socket::route_message;
use crate::{Decoder, Listener, Reception, Request, RequestSocket, read_sysctl, request_of, write_sysctl};

/// Keeps what the kernel has equal to what a [`Reconciler`] wants.
///
/// Nothing is polled but sysctls: the kernel reports changes of a few of them only, so all are read every
/// [`SYSCTL_INTERVAL`](Self::SYSCTL_INTERVAL).
#[derive(Debug)]
pub struct KernelDriver {
    reconciler: Reconciler,
    protocol: u8,
    decoder: Decoder,
    requests: RequestSocket,
    listener: Listener,
    started: Instant,
    next_sweep: Instant,
}

impl KernelDriver {
    /// How often sysctls are read.
    pub const SYSCTL_INTERVAL: Duration = Duration::from_secs(10);

    /// Reads what the kernel of this thread's network namespace has. Nothing is written before the reconciler is opened.
    ///
    /// # Errors
    ///
    /// When a socket cannot be opened, or the kernel cannot be read.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start(ownership: Ownership) -> io::Result<Self> {
        // The listener is first: nothing that happens during the dumps is missed.
        let listener = Listener::open(&GROUPS, LISTENER_OCTETS)?;
        let now = Instant::now();
        let mut driver = Self {
            protocol: ownership.protocol,
            reconciler: Reconciler::new(ownership),
            decoder: Decoder::default(),
            requests: RequestSocket::open()?,
            listener,
            started: now,
            next_sweep: now + Self::SYSCTL_INTERVAL,
        };
        driver.read_everything()?;
        Ok(driver)
    }

    /// What is wanted and how far it is.
    #[must_use]
    pub const fn reconciler(&self) -> &Reconciler {
        &self.reconciler
    }

    /// The same, to change wishes.
    pub const fn reconciler_mut(&mut self) -> &mut Reconciler {
        &mut self.reconciler
    }

    /// Waits until there may be something to do. May be given up and called again.
    ///
    /// # Errors
    ///
    /// When the runtime is shutting down.
    pub async fn wait(&self) -> io::Result<()> {
        let retry = self.reconciler.next_timeout().map(|timeout| self.started + timeout.since_start());
        let due = retry.map_or(self.next_sweep, |retry| retry.min(self.next_sweep));
        tokio::select! {
            readable = self.listener.readable() => readable,
            () = tokio::time::sleep_until(due.into()) => Ok(()),
        }
    }

    /// Does everything that can be done now, and returns how many operations that were.
    ///
    /// # Errors
    ///
    /// When a socket fails.
    pub fn turn(&mut self) -> io::Result<usize> {
        if Instant::now() >= self.next_sweep {
            self.next_sweep = Instant::now() + Self::SYSCTL_INTERVAL;
            self.reconciler.read_all_sysctls();
        }
        let mut done = 0;
        // Links come first; what rests on them follows once the kernel has reported them.
        for _ in 0..ROUNDS {
            self.listen()?;
            self.read_sysctls();
            let operations = self.reconciler.poll_operations(self.now());
            if operations.is_empty() {
                break;
            }
            done += operations.len();
            self.carry_out(operations)?;
        }
        Ok(done)
    }

    fn now(&self) -> Timestamp {
        Timestamp::at(self.started.elapsed())
    }

    /// Reads everything that the kernel has reported.
    fn listen(&mut self) -> io::Result<()> {
        let (decoder, reconciler) = (&mut self.decoder, &mut self.reconciler);
        let reception = self.listener.drain(|message| match message.message_type() {
            RTM_NEWNETCONF => {
                let link = netconf_link(message).and_then(|number| decoder.links.name(number).cloned());
                link.into_iter().for_each(|link| reconciler.read_sysctls_of(&link));
            }
            _ => {
                let notices = route_message(message).map(|message| decoder.decode(&message));
                notices.into_iter().flatten().for_each(|notice| reconciler.on_seen(notice));
            }
        })?;
        if reception == Reception::Overrun {
            tracing::warn!("netlink messages were lost; everything is read again");
            self.read_everything()?;
        }
        Ok(())
    }

    fn read_everything(&mut self) -> io::Result<()> {
        let both = [AddressFamily::Inet, AddressFamily::Inet6];
        self.read(Kind::Link, vec![RouteNetlinkMessage::GetLink(LinkMessage::default())])?;
        self.read(Kind::Address, vec![RouteNetlinkMessage::GetAddress(AddressMessage::default())])?;
        self.read(Kind::Forwarding, vec![neighbours_of(AddressFamily::Bridge)])?;
        self.read(Kind::Neighbour, both.map(neighbours_of).into())?;
        self.read(Kind::Rule, both.map(rules_of).into())?;
        self.read(Kind::Route, both.map(routes_of).into())?;
        self.reconciler.read_all_sysctls();
        Ok(())
    }

    /// Reads all things of a kind.
    fn read(&mut self, kind: Kind, requests: Vec<RouteNetlinkMessage>) -> io::Result<()> {
        let mut messages = Vec::new();
        for request in requests {
            messages.extend(self.dump(&request)?);
        }
        if kind == Kind::Link {
            // A link may be above one that is listed after it.
            messages.iter().for_each(|message| drop(self.decoder.decode(message)));
        }
        let seen = |notice| match notice {
            Notice::There(seen) => Some(seen),
            Notice::Gone { .. } | Notice::Renamed { .. } => None,
        };
        let decoder = &mut self.decoder;
        let notices = messages.iter().flat_map(|message| decoder.decode(message));
        let things: Vec<Seen> = notices.filter_map(seen).filter(|seen| seen.key.kind() == kind).collect();
        self.reconciler.on_dump(kind, things);
        Ok(())
    }

    fn dump(&mut self, request: &RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
        for _ in 1..DUMP_ATTEMPTS {
            let dumped = self.requests.dump(request.clone())?;
            if !dumped.is_interrupted {
                return Ok(dumped.messages);
            }
        }
        // What the last attempt misses is reported to the listener.
        self.requests.dump(request.clone()).map(|dumped| dumped.messages)
    }

    fn read_sysctls(&mut self) {
        for key in self.reconciler.poll_reads() {
            let Key::Sysctl { path, .. } = &key else { continue };
            let notice = match read_sysctl(path) {
                Ok(text) => Notice::There(Seen { key, value: Value::Sysctl(text), protocol: None }),
                Err(error) => {
                    tracing::debug!(%key, %error, "a sysctl cannot be read");
                    Notice::Gone { key, protocol: None }
                }
            };
            self.reconciler.on_seen(notice);
        }
    }

    fn carry_out(&mut self, operations: Vec<Operation>) -> io::Result<()> {
        let mut batch: Vec<(Operation, Request)> = Vec::new();
        for operation in operations {
            match request_of(&operation, &self.decoder.links, self.protocol) {
                None => {
                    let result = write(&operation);
                    self.answer(operation, result);
                }
                Some(Err(refusal)) => self.answer(operation, Err(refusal)),
                Some(Ok(request)) => batch.push((operation, request)),
            }
        }
        let (operations, requests): (Vec<Operation>, Vec<Request>) = batch.into_iter().unzip();
        let answers = self.requests.request_all(&requests)?;
        for (operation, answer) in operations.into_iter().zip(answers) {
            self.answer(operation, answer);
        }
        Ok(())
    }

    fn answer(&mut self, operation: Operation, result: Result<(), Refusal>) {
        match &result {
            Ok(()) => tracing::debug!(key = %operation.key, action = ?operation.action, "done"),
            Err(refusal) => {
                tracing::debug!(key = %operation.key, action = ?operation.action, %refusal, "refused")
            }
        }
        self.reconciler.on_result(self.now(), operation, result);
    }
}

/// Writes a sysctl.
fn write(operation: &Operation) -> Result<(), Refusal> {
    let (Key::Sysctl { path, .. }, Action::Put(Value::Sysctl(text)) | Action::Create(Value::Sysctl(text))) =
        (&operation.key, &operation.action)
    else {
        return Ok(());
    };
    let number = |error: &io::Error| error.raw_os_error().unwrap_or(libc::EIO);
    write_sysctl(path, text).map_err(|error| refusal_of(number(&error), None))
}

fn neighbours_of(family: AddressFamily) -> RouteNetlinkMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = family;
    RouteNetlinkMessage::GetNeighbour(message)
}

fn rules_of(family: AddressFamily) -> RouteNetlinkMessage {
    let mut message = RuleMessage::default();
    message.header.family = family;
    RouteNetlinkMessage::GetRule(message)
}

fn routes_of(family: AddressFamily) -> RouteNetlinkMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = family;
    RouteNetlinkMessage::GetRoute(message)
}

/// The link that a report of changed settings is about.
fn netconf_link(message: &NetlinkBuffer<&[u8]>) -> Option<u32> {
    let attributes = message.payload().get(NETCONF_HEADER_OCTETS..)?;
    let link = NlasIterator::new(attributes)
        .filter_map(Result::ok)
        .find(|attribute: &NlaBuffer<&[u8]>| attribute.kind() == NETCONFA_IFINDEX)?;
    link.value().try_into().ok().map(u32::from_ne_bytes)
}

/// Rounds of one turn: links, what rests on them, and what rests on that.
const ROUNDS: usize = 8;
const DUMP_ATTEMPTS: u32 = 5;
/// Holds some 30,000 messages. Memory is used only as far as messages wait.
const LISTENER_OCTETS: usize = 32 * 1024 * 1024;

const RTM_NEWNETCONF: u16 = 80;
const NETCONF_HEADER_OCTETS: usize = 4;
const NETCONFA_IFINDEX: u16 = 1;

const RTNLGRP_LINK: u32 = 1;
const RTNLGRP_NEIGH: u32 = 3;
const RTNLGRP_IPV4_IFADDR: u32 = 5;
const RTNLGRP_IPV4_ROUTE: u32 = 7;
const RTNLGRP_IPV4_RULE: u32 = 8;
const RTNLGRP_IPV6_IFADDR: u32 = 9;
const RTNLGRP_IPV6_ROUTE: u32 = 11;
const RTNLGRP_IPV6_RULE: u32 = 19;
const RTNLGRP_IPV4_NETCONF: u32 = 24;
const RTNLGRP_IPV6_NETCONF: u32 = 25;
const GROUPS: [u32; 10] = [
    RTNLGRP_LINK,
    RTNLGRP_NEIGH,
    RTNLGRP_IPV4_IFADDR,
    RTNLGRP_IPV4_ROUTE,
    RTNLGRP_IPV4_RULE,
    RTNLGRP_IPV6_IFADDR,
    RTNLGRP_IPV6_ROUTE,
    RTNLGRP_IPV6_RULE,
    RTNLGRP_IPV4_NETCONF,
    RTNLGRP_IPV6_NETCONF,
];

//! Traffic of the network: counts, a checksum of everything, and if requested a trace and a capture.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use bgp_codec::{AsWidth, DecodeContext, Message, Open, PeerKind, decode_message};
use bytes::Bytes;

use super::keepalives::Keepalives;
use super::message_scanner::{MessageKind, MessageScanner};
use super::pcap::Pcap;
use crate::blocks::number_of;
use crate::trace;

/// What is kept of the traffic.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Observation {
    /// Every message, as a line of the trace.
    pub(crate) messages: bool,
    /// Every octet, as a capture.
    pub(crate) pcap: bool,
    /// The number of blocks whose advertisements are counted on each connection. See [`crate::cold_start`].
    pub(crate) advertisements: Option<usize>,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Traffic {
    observation: Observation,
    pcap: Option<Pcap>,
    /// Checksum of everything written and read, with its times (FNV-1a).
    checksum: u64,
    pub(crate) messages: u64,
    pub(crate) updates: u64,
    pub(crate) octets: u64,
    /// When an UPDATE was last in transit.
    pub(crate) last_update: Duration,
    pipes: BTreeMap<(u64, usize), PipeTraffic>,
    names: BTreeMap<std::net::IpAddr, String>,
}

#[derive(Debug)]
struct PipeTraffic {
    from: SocketAddr,
    to: SocketAddr,
    written: MessageScanner,
    read: MessageScanner,
    open: Option<Open>,
    keepalives: Keepalives,
    /// By the number of the block.
    advertisements: Vec<u8>,
    withdrawals: usize,
    /// When the first End-of-RIB was written, and when it was read.
    end_written: Option<Duration>,
    end_read: Option<Duration>,
}

/// The End-of-RIB markers on the connections of one node.
#[derive(Clone, Copy, Debug)]
pub struct TableEnds {
    /// Number of those that it read.
    pub read: usize,
    /// When it read the last one.
    pub last_read: Option<Duration>,
    /// When it wrote its first one.
    pub first_written: Option<Duration>,
}

impl Traffic {
    pub(crate) fn new(observation: Observation) -> Self {
        Self {
            observation,
            pcap: observation.pcap.then(Pcap::new),
            checksum: 0xcbf2_9ce4_8422_2325,
            messages: 0,
            updates: 0,
            octets: 0,
            last_update: Duration::ZERO,
            pipes: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }

    /// Sets the name of an address in the trace.
    pub(crate) fn name(&mut self, address: std::net::IpAddr, name: String) {
        self.names.insert(address, name);
    }

    pub(crate) fn checksum(&self) -> u64 {
        self.checksum
    }

    pub(crate) fn take_capture(&mut self) -> Option<Vec<u8>> {
        self.pcap.take().map(Pcap::into_octets)
    }

    /// Notes that all clocks have jumped to `now`.
    pub(crate) fn on_leap(&mut self, now: Duration) {
        self.pipes.values_mut().for_each(|pipe| pipe.keepalives.on_standstill(now));
    }

    /// Notes that a host with these addresses was suspended until `now`.
    pub(crate) fn on_thaw(&mut self, now: Duration, addresses: &[std::net::IpAddr]) {
        let of_host = |pipe: &&mut PipeTraffic| addresses.contains(&pipe.from.ip());
        self.pipes.values_mut().filter(of_host).for_each(|pipe| pipe.keepalives.on_standstill(now));
    }

    pub(super) fn on_open(&mut self, now: Duration, number: u64, addresses: [SocketAddr; 2]) {
        for side in 0..2 {
            self.pipes.insert(
                (number, side),
                PipeTraffic {
                    from: addresses[side],
                    to: addresses[1 - side],
                    written: MessageScanner::default(),
                    read: MessageScanner::default(),
                    open: None,
                    keepalives: Keepalives::default(),
                    advertisements: vec![0; self.observation.advertisements.unwrap_or(0)],
                    withdrawals: 0,
                    end_written: None,
                    end_read: None,
                },
            );
        }
        if let Some(pcap) = &mut self.pcap {
            pcap.open(now, addresses);
        }
        let [from, to] = addresses.map(|address| self.named(address));
        trace::line(|| format!("{from} -> {to} connection {number}"));
    }

    pub(super) fn on_written(
        &mut self,
        now: Duration,
        number: u64,
        side: usize,
        octets: &Bytes,
        is_full: bool,
    ) {
        self.add_to_checksum(now, number, side, octets);
        self.octets += octets.len() as u64;
        let Some(pipe) = self.pipes.get_mut(&(number, side)) else { return };
        if let Some(pcap) = &mut self.pcap {
            pcap.segment(now, [pipe.from, pipe.to], octets);
        }
        let messages = pipe.written.scan(octets);
        for message in messages {
            self.on_message(now, number, side, &message);
        }
        if is_full && let Some(pipe) = self.pipes.get_mut(&(number, side)) {
            pipe.keepalives.on_full();
        }
    }

    pub(super) fn on_read(&mut self, now: Duration, number: u64, side: usize, octets: &Bytes) {
        self.add_to_checksum(now, number, side + 2, octets);
        let Some(pipe) = self.pipes.get_mut(&(number, side)) else { return };
        let messages = pipe.read.scan(octets);
        if messages.iter().any(is_end_of_rib) {
            pipe.end_read.get_or_insert(now);
        }
        if messages.iter().any(|message| MessageKind::of(message) == MessageKind::Update) {
            self.last_update = now;
        }
    }

    fn on_message(&mut self, now: Duration, number: u64, side: usize, message: &Bytes) {
        let kind = MessageKind::of(message);
        self.messages += 1;
        if kind == MessageKind::Update {
            self.updates += 1;
            self.last_update = now;
        }
        if kind == MessageKind::Open {
            self.on_open_message(number, side, message);
        }
        let Some(pipe) = self.pipes.get_mut(&(number, side)) else { return };
        if is_end_of_rib(message) {
            pipe.end_written.get_or_insert(now);
        }
        let (from, to) = (pipe.from, pipe.to);
        if let Err(fault) = pipe.keepalives.on_message(now, kind, message.len()) {
            trace::fault(format!("{} -> {}: {fault}", self.named(from), self.named(to)));
        }
        if kind == MessageKind::Update && self.observation.advertisements.is_some() {
            self.count_advertisements(number, side, message);
        }
        if self.observation.messages {
            let text = self.describe(number, side, message);
            let (from, to) = (self.named(from), self.named(to));
            trace::line(|| format!("{from} -> {to} [{number}] {text}"));
        }
    }

    /// How often one route was advertised on one connection, at most.
    pub(crate) fn most_advertisements(&self) -> u8 {
        self.pipes.values().flat_map(|pipe| pipe.advertisements.iter().copied()).max().unwrap_or(0)
    }

    /// How many routes were withdrawn, on all connections.
    pub(crate) fn withdrawals(&self) -> usize {
        self.pipes.values().map(|pipe| pipe.withdrawals).sum()
    }

    /// The End-of-RIB markers of the node with this address since the counts were reset.
    pub(crate) fn table_ends(&self, node: std::net::IpAddr) -> TableEnds {
        let read = |pipe: &&PipeTraffic| pipe.to.ip() == node && pipe.end_read.is_some();
        let written = self.pipes.values().filter(|pipe| pipe.from.ip() == node);
        let times = || self.pipes.values().filter(read).filter_map(|pipe| pipe.end_read);
        TableEnds {
            read: times().count(),
            last_read: times().max(),
            first_written: written.filter_map(|pipe| pipe.end_written).min(),
        }
    }

    /// Resets the counts of advertisements and withdrawals, and what is known of End-of-RIB markers.
    pub(crate) fn count_anew(&mut self) {
        for pipe in self.pipes.values_mut() {
            pipe.advertisements.fill(0);
            pipe.withdrawals = 0;
            pipe.end_written = None;
            pipe.end_read = None;
        }
    }

    fn count_advertisements(&mut self, number: u64, side: usize, message: &Bytes) {
        let mut context = DecodeContext::new(PeerKind::Ibgp, AsWidth::Four);
        context.max_message_octets = usize::from(u16::MAX);
        let Some(pipe) = self.pipes.get_mut(&(number, side)) else { return };
        let Ok(Message::Update(update)) = decode_message(message.clone(), &context) else { return };
        pipe.withdrawals +=
            update.unreach().map(|block| block.iter::<bgp_codec::Ipv4Prefix>().count()).sum::<usize>();
        for reach in update.reach() {
            for nlri in reach.nlri.iter::<bgp_codec::Ipv4Prefix>() {
                if let Some(count) = pipe.advertisements.get_mut(number_of(nlri.prefix)) {
                    *count = count.saturating_add(1);
                }
            }
        }
    }

    /// Both OPENs together determine the time between KEEPALIVEs (RFC 4271 §4.2).
    fn on_open_message(&mut self, number: u64, side: usize, message: &Bytes) {
        let context = DecodeContext::new(PeerKind::Ebgp, AsWidth::Two);
        let Ok(Message::Open(open)) = decode_message(message.clone(), &context) else { return };
        let Some(pipe) = self.pipes.get_mut(&(number, side)) else { return };
        pipe.open = Some(open);
        let hold_times: Vec<_> = (0..2)
            .filter_map(|side| Some(self.pipes.get(&(number, side))?.open.as_ref()?.hold_time))
            .collect();
        if let [one, other] = hold_times[..] {
            let hold_time = one.min(other);
            let interval = (!hold_time.is_zero()).then(|| hold_time.keepalive_interval());
            for side in 0..2 {
                if let Some(pipe) = self.pipes.get_mut(&(number, side)) {
                    pipe.keepalives.set_interval(interval);
                }
            }
        }
    }

    fn describe(&self, number: u64, side: usize, message: &Bytes) -> String {
        let kind = MessageKind::of(message);
        if kind != MessageKind::Update && kind != MessageKind::Notification {
            return format!("{kind:?}");
        }
        let opens = [side, 1 - side].map(|side| self.pipes.get(&(number, side))?.open.as_ref());
        let mut context = DecodeContext::new(PeerKind::Ibgp, AsWidth::Four);
        context.max_message_octets = usize::from(u16::MAX);
        if let [Some(from), Some(to)] = opens {
            let both = from.capabilities.families().filter(|&family| {
                from.capabilities.add_path(family).is_some_and(bgp_codec::AddPathMode::sends)
                    && to.capabilities.add_path(family).is_some_and(bgp_codec::AddPathMode::receives)
            });
            context.add_path = both.collect();
        }
        match decode_message(message.clone(), &context) {
            Ok(Message::Update(update)) => describe_update(&update),
            Ok(Message::Notification(notification)) => format!("NOTIFICATION {notification}"),
            Ok(_) => format!("{kind:?}"),
            Err(error) => format!("{kind:?} that cannot be decoded: {error}"),
        }
    }

    fn named(&self, address: SocketAddr) -> String {
        self.names.get(&address.ip()).cloned().unwrap_or_else(|| address.to_string())
    }

    fn add_to_checksum(&mut self, now: Duration, number: u64, side: usize, octets: &[u8]) {
        let nanoseconds = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let header = [nanoseconds, number, side as u64].map(u64::to_be_bytes);
        for octet in header.as_flattened().iter().chain(octets) {
            self.checksum = (self.checksum ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Whether it is the End-of-RIB of IPv4: an UPDATE without contents (RFC 4724 §2).
fn is_end_of_rib(message: &Bytes) -> bool {
    MessageKind::of(message) == MessageKind::Update && message.len() == EMPTY_UPDATE_OCTETS
}

const EMPTY_UPDATE_OCTETS: usize = 23;

fn describe_update(update: &bgp_codec::Update) -> String {
    use bgp_codec::{IpPrefix, Ipv4Prefix, Ipv6Prefix, Nlri, NlriBlock};
    fn one<P: IpPrefix>(nlri: Nlri<P>) -> String {
        match nlri.path_id {
            Some(id) => format!("{}#{}", nlri.prefix.erase(), id.0),
            None => nlri.prefix.erase().to_string(),
        }
    }
    fn all(block: &NlriBlock<'_>) -> String {
        let names: Vec<String> =
            block.iter::<Ipv4Prefix>().map(one).chain(block.iter::<Ipv6Prefix>().map(one)).collect();
        match names.len() {
            0..=8 => names.join(" "),
            more => format!("{} and {} more", names[..4].join(" "), more - 4),
        }
    }
    let mut text = String::from("UPDATE");
    for block in update.unreach() {
        write!(text, " withdraw {}", all(&block)).expect("a String takes everything");
    }
    for reach in update.reach() {
        write!(text, " reach {} via {}", all(&reach.nlri), reach.next_hop.address())
            .expect("a String takes everything");
    }
    if let Some(attributes) = update.attributes().map(|view| view.to_path_attributes()) {
        let path: Vec<String> = attributes.as_path().asns().map(|asn| asn.to_string()).collect();
        let clusters: Vec<String> = attributes.cluster_list().map(|cluster| cluster.to_string()).collect();
        write!(text, " path [{}]", path.join(" ")).expect("a String takes everything");
        if let Some(local_pref) = attributes.local_pref() {
            write!(text, " local_pref {local_pref}").expect("a String takes everything");
        }
        if let Some(originator) = attributes.originator_id() {
            write!(text, " originator {originator} clusters [{}]", clusters.join(" "))
                .expect("a String takes everything");
        }
    }
    if let Some(family) = update.end_of_rib() {
        write!(text, " end of {family}").expect("a String takes everything");
    }
    text
}

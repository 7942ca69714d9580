//! A link between two systems that loses, delays and reorders packets by a seed.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use margay_bfd::{
    Arrival, Discriminator, Event, Hops, Rejection, SessionKey, SessionOptions, SessionTable, State,
};
use margay_timestamp::Timestamp;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Left,
    Right,
}

const SIDES: [Side; 2] = [Side::Left, Side::Right];

pub(crate) struct Link {
    /// The TTL that packets arrive with.
    pub(crate) ttl: u8,
    /// How many of a hundred packets are lost.
    pub(crate) loss_percent: u64,
    /// How many packets in a row may be lost.
    pub(crate) most_losses_in_a_row: u32,
    /// How much longer than the least a packet may take.
    pub(crate) delay_spread: Duration,
    hops: Hops,
    now: Timestamp,
    systems: [System; 2],
    is_cut: bool,
    /// Packets under way, by the time and order of their arrival.
    under_way: BTreeMap<(Timestamp, u64), (Side, Vec<u8>)>,
    random: u64,
    serial: u64,
}

struct System {
    table: SessionTable,
    packets: usize,
    last_packet: Vec<u8>,
    losses_in_a_row: u32,
    events: Vec<Event>,
}

impl Link {
    pub(crate) fn new(seed: u64, left: SessionOptions, right: SessionOptions) -> Self {
        Self::with_hops(seed, left, right, Hops::Single)
    }

    pub(crate) fn with_hops(seed: u64, left: SessionOptions, right: SessionOptions, hops: Hops) -> Self {
        let mut link = Self {
            ttl: 255,
            loss_percent: 0,
            most_losses_in_a_row: u32::MAX,
            delay_spread: Duration::ZERO,
            hops,
            now: Timestamp::at(Duration::from_secs(1)),
            systems: [System::new(11), System::new(22)],
            is_cut: false,
            under_way: BTreeMap::new(),
            random: seed | 1,
            serial: 0,
        };
        for (side, options) in [(Side::Left, left), (Side::Right, right)] {
            link.set_options(side, options);
        }
        link
    }

    pub(crate) fn cut(&mut self) {
        self.is_cut = true;
        self.under_way.clear();
    }

    pub(crate) fn mend(&mut self) {
        self.is_cut = false;
    }

    /// Lets time pass: packets that arrive at a moment are handed in before the timers of that moment.
    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let arrival = self.under_way.keys().next().map(|(at, _)| *at);
            let timers = self.systems.iter().filter_map(|system| system.table.next_timeout());
            let Some(next) = timers.chain(arrival).min().filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            match arrival.filter(|at| *at <= self.now) {
                Some(_) => self.deliver(),
                None => self.expire(),
            }
        }
        self.now = end;
    }

    pub(crate) fn states(&self) -> [State; 2] {
        SIDES.map(|side| {
            self.systems[side as usize].table.status(&self.key(side)).expect("the session was added").state
        })
    }

    pub(crate) fn take_events(&mut self, side: Side) -> Vec<Event> {
        std::mem::take(&mut self.systems[side as usize].events)
    }

    /// How many packets each side has sent since the last call.
    pub(crate) fn count_packets(&mut self) -> [u64; 2] {
        SIDES.map(|side| std::mem::take(&mut self.systems[side as usize].packets) as u64)
    }

    pub(crate) fn last_packet(&self, sender: Side) -> Vec<u8> {
        self.systems[sender as usize].last_packet.clone()
    }

    pub(crate) fn set_options(&mut self, side: Side, options: SessionOptions) {
        let (key, seed) = (self.key(side), self.draw());
        self.systems[side as usize].table.insert(self.now, key, options, seed);
        self.collect(side);
    }

    pub(crate) fn set_enabled(&mut self, side: Side, is_enabled: bool) {
        let key = self.key(side);
        self.systems[side as usize].table.set_enabled(self.now, &key, is_enabled);
        self.collect(side);
    }

    /// One side forgets everything and begins anew.
    pub(crate) fn restart(&mut self, side: Side, options: SessionOptions) {
        let first = u32::try_from(self.draw() % 1_000_000).expect("below a million") + 1_000;
        self.systems[side as usize] = System::new(first);
        self.set_options(side, options);
    }

    pub(crate) fn inject(&mut self, receiver: Side, octets: &[u8]) -> Result<(), Rejection> {
        let arrival = self.arrival(receiver);
        let result = self.systems[receiver as usize].table.handle_datagram(self.now, arrival, octets);
        self.collect(receiver);
        result
    }

    fn deliver(&mut self) {
        let Some((_, (receiver, octets))) = self.under_way.pop_first() else { return };
        // What is rejected shows in the states.
        self.inject(receiver, &octets).unwrap_or(());
    }

    fn expire(&mut self) {
        for side in SIDES {
            self.systems[side as usize].table.handle_timeout(self.now);
            self.collect(side);
        }
    }

    /// Puts what a side wants to send onto the link.
    fn collect(&mut self, sender: Side) {
        let other = if sender == Side::Left { Side::Right } else { Side::Left };
        while let Some(datagram) = self.systems[sender as usize].table.poll_datagram() {
            let system = &mut self.systems[sender as usize];
            system.packets += 1;
            system.last_packet = datagram.packet.octets().to_vec();
            let is_lost = self.draw() % 100 < self.loss_percent;
            let system = &mut self.systems[sender as usize];
            if self.is_cut || (is_lost && system.losses_in_a_row < self.most_losses_in_a_row) {
                system.losses_in_a_row += 1;
                continue;
            }
            system.losses_in_a_row = 0;
            let spread = u64::try_from(self.delay_spread.as_micros()).expect("a short time");
            let delay = Duration::from_micros(100 + self.draw() % (spread + 1));
            self.serial += 1;
            self.under_way
                .insert((self.now + delay, self.serial), (other, datagram.packet.octets().to_vec()));
        }
        while let Some((_, event)) = self.systems[sender as usize].table.poll_event() {
            self.systems[sender as usize].events.push(event);
        }
    }

    fn key(&self, side: Side) -> SessionKey {
        SessionKey { remote: self.arrival(side).remote, interface: None, hops: self.hops }
    }

    /// How the other side's packets arrive at `receiver`.
    fn arrival(&self, receiver: Side) -> Arrival {
        let last = if receiver == Side::Left { 2 } else { 1 };
        let remote = IpAddr::V4(Ipv4Addr::new(192, 0, 2, last));
        Arrival { remote, interface: 5, ttl: self.ttl, hops: self.hops }
    }

    /// The next number of a xorshift generator.
    fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

impl System {
    fn new(first: u32) -> Self {
        Self {
            table: SessionTable::new(Discriminator::new(first).expect("not zero")),
            packets: 0,
            last_packet: Vec::new(),
            losses_in_a_row: 0,
            events: Vec::new(),
        }
    }
}

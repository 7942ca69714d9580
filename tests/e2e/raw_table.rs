//! A raw speaker that announces and withdraws tables of any size, a range of numbered prefixes at a time.

use std::io;
use std::net::IpAddr;
use std::ops::Range;

use margay_lab::wait_until;

use crate::pair::PATIENCE;
use crate::raw_speaker::{
    KEEPALIVE, NOTIFICATION, OPEN, RawSpeaker, UPDATE, message, open_body, update_body,
};
use crate::route_client::attribute;
use crate::wire::{Wire, address, identifier, plain};

/// A session without hold time and capabilities, as the margay at 1 has it with an internal peer.
pub(crate) struct RawTable {
    speaker: RawSpeaker,
    /// Those of all routes.
    attributes: Vec<u8>,
}

impl RawTable {
    /// Establishes the session, as soon as margay takes it.
    pub(crate) fn establish(wire: &Wire, number: u8) -> Self {
        let place = wire.place(&format!("raw{number}"), &[number]);
        let speaker = wait_until(PATIENCE, "a raw session", || open(&place, number));
        let IpAddr::V4(next_hop) = address(number) else { panic!("the wire has IPv4 addresses") };
        let attributes = [plain(), attribute(0x40, 3, &next_hop.octets())].concat();
        Self { speaker, attributes }
    }

    /// Announces the prefixes with these numbers: networks of 24 bits from 20.0.0.0 on.
    ///
    /// # Errors
    ///
    /// When margay ends the session meanwhile.
    pub(crate) fn announce(&mut self, numbers: Range<u32>) -> io::Result<()> {
        let attributes = self.attributes.clone();
        self.send(numbers, |nlri| update_body(&[], &attributes, nlri))
    }

    /// Withdraws the prefixes with these numbers.
    pub(crate) fn withdraw(&mut self, numbers: Range<u32>) -> io::Result<()> {
        self.send(numbers, |nlri| update_body(nlri, &[], &[]))
    }

    /// Code, subcode and data of the NOTIFICATION that ends the session.
    pub(crate) fn read_notification(&mut self) -> io::Result<Vec<u8>> {
        self.speaker.read_kind(NOTIFICATION).map(|message| message.body)
    }

    fn send(&mut self, numbers: Range<u32>, body: impl Fn(&[u8]) -> Vec<u8>) -> io::Result<()> {
        let mut octets = Vec::with_capacity(OCTETS_AT_ONCE);
        let mut numbers = numbers.peekable();
        while numbers.peek().is_some() {
            let nlri: Vec<u8> = numbers.by_ref().take(PREFIXES_IN_A_MESSAGE).flat_map(nlri).collect();
            octets.extend(message(UPDATE, &body(&nlri)));
            if octets.len() >= OCTETS_AT_ONCE || numbers.peek().is_none() {
                self.speaker.send(&octets)?;
                octets.clear();
            }
        }
        Ok(())
    }
}

fn open(place: &margay_lab::Namespace, number: u8) -> io::Result<RawSpeaker> {
    let mut speaker = RawSpeaker::dial(place, address(number), address(1))?;
    speaker.send(&message(OPEN, &open_body(4, 64_512, 0, identifier(number), &[])))?;
    speaker.read_kind(OPEN)?;
    speaker.send(&message(KEEPALIVE, &[]))?;
    speaker.read_kind(KEEPALIVE)?;
    Ok(speaker)
}

/// The prefix with this number on the wire.
fn nlri(number: u32) -> [u8; 4] {
    let [high, second, third, low] = number.to_be_bytes();
    assert!(high == 0 && second < 200, "{number} is beyond the unicast addresses");
    [24, 20 + second, third, low]
}

/// With their attributes they fit into 4,096 octets.
const PREFIXES_IN_A_MESSAGE: usize = 900;

const OCTETS_AT_ONCE: usize = 64 * 1024;

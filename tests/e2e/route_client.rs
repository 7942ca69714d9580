//! A scripted peer: it announces given routes and records every route it receives, octet by octet.
//!
//! It knows nothing of margay's codec: what both have in common would not be tested.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use margay_lab::Namespace;

use crate::raw_speaker::{KEEPALIVE, OPEN, RawSpeaker, UPDATE, message, open_body, update_body};

/// What it says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) asn: u16,
    pub(crate) identifier: [u8; 4],
    /// Whether it sends and receives several paths to a prefix.
    pub(crate) add_path: bool,
    /// Whether it marks the beginning and end of a route refresh (RFC 7313).
    pub(crate) refreshes: bool,
}

/// A route as it was received: the prefix and, with ADD-PATH, its id.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct RouteKey {
    pub(crate) prefix: String,
    pub(crate) path_id: Option<u32>,
}

/// Attributes by type: flags without the one for long values, and the value. The next hop of MP_REACH_NLRI stands in for
/// it.
pub(crate) type Attributes = BTreeMap<u8, (u8, Vec<u8>)>;

/// All routes received and not withdrawn.
pub(crate) type Table = BTreeMap<RouteKey, Attributes>;

/// A session with one router, in both families and without hold time.
pub(crate) struct RouteClient {
    speaker: RawSpeaker,
    seen: Arc<Mutex<Seen>>,
    add_path: bool,
}

impl Drop for RouteClient {
    fn drop(&mut self) {
        self.speaker.close();
    }
}

#[derive(Debug, Default)]
struct Seen {
    table: Table,
    received: ReceivedCounts,
    /// The table at each End-of-RIB of IPv4.
    ends: Vec<Table>,
    closed: bool,
    /// How long it rests after each UPDATE.
    rest: Duration,
}

/// How often anything was said of a prefix.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct ReceivedCounts {
    pub(crate) reached: usize,
    pub(crate) withdrawn: usize,
}

impl RouteClient {
    pub(crate) fn establish(
        namespace: &Namespace,
        from: IpAddr,
        to: IpAddr,
        identity: Identity,
    ) -> io::Result<Self> {
        let mut speaker = RawSpeaker::dial(namespace, from, to)?;
        let mut capabilities = vec![1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 65, 4, 0, 0];
        capabilities.extend(identity.asn.to_be_bytes());
        if identity.add_path {
            capabilities.extend([69, 8, 0, 1, 1, 3, 0, 2, 1, 3]);
        }
        if identity.refreshes {
            capabilities.extend([2, 0, 70, 0]);
        }
        let parameters = [&[2, u8::try_from(capabilities.len()).expect("short")][..], &capabilities].concat();
        speaker.send(&message(OPEN, &open_body(4, identity.asn, 0, identity.identifier, &parameters)))?;
        speaker.read_kind(OPEN)?;
        speaker.send(&message(KEEPALIVE, &[]))?;
        speaker.read_kind(KEEPALIVE)?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let reader = speaker.second_handle()?;
        let (kept, add_path) = (Arc::clone(&seen), identity.add_path);
        thread::spawn(move || keep(reader, &kept, add_path));
        Ok(Self { speaker, seen, add_path })
    }

    /// Sends whole messages.
    pub(crate) fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.speaker.send(octets)
    }

    /// All routes received and not withdrawn by now.
    pub(crate) fn table(&self) -> Table {
        self.seen.lock().unwrap().table.clone()
    }

    /// The number of routes received, and of withdrawals.
    pub(crate) fn counts(&self) -> ReceivedCounts {
        self.seen.lock().unwrap().received
    }

    /// The routes held at each End-of-RIB of IPv4.
    pub(crate) fn tables_at_end(&self) -> Vec<Table> {
        self.seen.lock().unwrap().ends.clone()
    }

    /// How many of the routes are as wanted.
    pub(crate) fn count(&self, is_wanted: impl Fn(&Attributes) -> bool) -> usize {
        self.seen.lock().unwrap().table.values().filter(|route| is_wanted(route)).count()
    }

    /// Whether the router has ended the session.
    pub(crate) fn is_closed(&self) -> bool {
        self.seen.lock().unwrap().closed
    }

    /// From now on it rests after each UPDATE, and has little room for more.
    pub(crate) fn read_slowly(&self, rest: Duration) -> io::Result<()> {
        self.seen.lock().unwrap().rest = rest;
        self.speaker.set_receive_buffer(4096)
    }

    /// Announces prefixes of one family. `attributes` holds whole attributes; what is missing of ORIGIN, AS_PATH and
    /// NEXT_HOP would be a mistake.
    pub(crate) fn announce(
        &mut self,
        prefixes: &[(IpAddr, u8)],
        path_id: u32,
        next_hop: IpAddr,
        attributes: &[u8],
    ) -> io::Result<()> {
        let nlri = self.nlri(prefixes, path_id);
        let body = match next_hop {
            IpAddr::V4(next_hop) => {
                let attributes = [attributes, &attribute(0x40, 3, &next_hop.octets())].concat();
                update_body(&[], &attributes, &nlri)
            }
            IpAddr::V6(next_hop) => {
                let reach = [&[0, 2, 1, 16][..], &next_hop.octets(), &[0], &nlri].concat();
                update_body(&[], &[&attribute(0x80, 14, &reach), attributes].concat(), &[])
            }
        };
        self.speaker.send(&message(UPDATE, &body))
    }

    /// Withdraws prefixes of one family.
    pub(crate) fn withdraw(&mut self, prefixes: &[(IpAddr, u8)], path_id: u32) -> io::Result<()> {
        let nlri = self.nlri(prefixes, path_id);
        let body = if prefixes.iter().all(|(address, _)| address.is_ipv4()) {
            update_body(&nlri, &[], &[])
        } else {
            update_body(&[], &attribute(0x80, 15, &[&[0, 2, 1][..], &nlri].concat()), &[])
        };
        self.speaker.send(&message(UPDATE, &body))
    }

    /// Sends the End-of-RIB of IPv4 (RFC 4724 §2).
    pub(crate) fn end_of_rib(&mut self) -> io::Result<()> {
        self.speaker.send(&message(UPDATE, &update_body(&[], &[], &[])))
    }

    fn nlri(&self, prefixes: &[(IpAddr, u8)], path_id: u32) -> Vec<u8> {
        let mut octets = Vec::new();
        for (address, length) in prefixes {
            if self.add_path {
                octets.extend(path_id.to_be_bytes());
            }
            octets.push(*length);
            let whole = match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            octets.extend(&whole[..usize::from(length.div_ceil(8))]);
        }
        octets
    }
}

/// A whole attribute.
pub(crate) fn attribute(flags: u8, kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).expect("a test attribute is short");
    match u8::try_from(length) {
        Ok(length) => [&[flags, kind, length][..], value].concat(),
        Err(_) => [&[flags | LONG, kind][..], &length.to_be_bytes(), value].concat(),
    }
}

fn keep(mut reader: RawSpeaker, seen: &Mutex<Seen>, add_path: bool) {
    while let Ok(Some(message)) = reader.read() {
        if message.kind == UPDATE {
            take_update(&message.body, &mut seen.lock().unwrap(), add_path);
            let rest = seen.lock().unwrap().rest;
            thread::sleep(rest);
        }
    }
    seen.lock().unwrap().closed = true;
}

fn take_update(body: &[u8], seen: &mut Seen, add_path: bool) {
    if body == [0; 4] {
        seen.ends.push(seen.table.clone());
    }
    let (withdrawn, rest) = sized(body);
    let (attributes, nlri) = sized(rest);
    let mut gone = prefixes(withdrawn, 4, add_path);
    let mut kept = Attributes::new();
    let mut reached = prefixes(nlri, 4, add_path);
    let mut rest = attributes;
    while let [flags, kind, after @ ..] = rest {
        let (value, after) =
            if flags & LONG == 0 { after[1..].split_at(usize::from(after[0])) } else { sized(after) };
        rest = after;
        match *kind {
            14 => {
                let width = usize::from(value[3]);
                kept.insert(14, (flags & !LONG, value[4..4 + width].to_vec()));
                reached.extend(prefixes(&value[5 + width..], 16, add_path));
            }
            15 => gone.extend(prefixes(&value[3..], 16, add_path)),
            kind => {
                kept.insert(kind, (flags & !LONG, value.to_vec()));
            }
        }
    }
    seen.received.withdrawn += gone.len();
    seen.received.reached += reached.len();
    for key in gone {
        seen.table.remove(&key);
    }
    for key in reached {
        seen.table.insert(key, kept.clone());
    }
}

/// Splits off a part with its length in two octets.
fn sized(octets: &[u8]) -> (&[u8], &[u8]) {
    let length = usize::from(u16::from_be_bytes([octets[0], octets[1]]));
    octets[2..].split_at(length)
}

fn prefixes(mut octets: &[u8], width: usize, add_path: bool) -> Vec<RouteKey> {
    let mut keys = Vec::new();
    while !octets.is_empty() {
        let path_id = add_path.then(|| {
            let (id, rest) = octets.split_first_chunk::<4>().expect("a path id");
            octets = rest;
            u32::from_be_bytes(*id)
        });
        let (length, rest) = octets.split_first().expect("a length");
        let (part, rest) = rest.split_at(usize::from(length.div_ceil(8)));
        octets = rest;
        let mut whole = vec![0; width];
        whole[..part.len()].copy_from_slice(part);
        let address: IpAddr = match <[u8; 4]>::try_from(whole.as_slice()) {
            Ok(octets) => Ipv4Addr::from(octets).into(),
            Err(_) => Ipv6Addr::from(<[u8; 16]>::try_from(whole).expect("4 or 16 octets")).into(),
        };
        keys.push(RouteKey { prefix: format!("{address}/{length}"), path_id });
    }
    keys
}

/// The flag of attributes whose length has two octets.
const LONG: u8 = 0x10;

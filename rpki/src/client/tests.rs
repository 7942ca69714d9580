//! Sessions with a cache that is played by hand, and with one that answers as the RFC says.

use bgp_codec::Asn;
use proptest::prelude::*;

use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp::at(Duration::from_secs(seconds))
}

fn payload(number: u8) -> RoutePayload {
    RoutePayload::new(format!("10.{number}.0.0/16").parse().unwrap(), 24, Asn(65001)).unwrap()
}

fn announce(number: u8) -> Pdu {
    Pdu::Payload { is_announced: true, payload: payload(number) }
}

fn withdraw(number: u8) -> Pdu {
    Pdu::Payload { is_announced: false, payload: payload(number) }
}

fn end(session: u16, serial: u32) -> Pdu {
    Pdu::EndOfData { session, serial, intervals: Some(Intervals { refresh: 100, retry: 10, expire: 1000 }) }
}

fn connected() -> Client {
    let mut client = Client::new(ClientOptions::default(), at(0));
    client.handle_connected(at(0));
    client
}

fn send(client: &mut Client, version: Version, pdus: &[Pdu], now: u64) -> Result<(), ClientError> {
    let mut octets = Vec::new();
    pdus.iter().for_each(|pdu| pdu.encode(version, &mut octets));
    client.handle_octets(&octets, at(now)).map(|taken| assert_eq!(taken, octets.len()))
}

/// What the client sends.
fn sent(client: &mut Client) -> Vec<(Version, Pdu)> {
    let octets = client.poll_transmit().unwrap_or_default();
    let mut rest = octets.as_slice();
    let mut pdus = Vec::new();
    while let Ok(Some((version, pdu, length))) = Pdu::decode(rest) {
        pdus.push((version, pdu));
        rest = &rest[length..];
    }
    assert!(rest.is_empty());
    pdus
}

#[test]
fn a_whole_transfer_is_followed_by_differences() {
    let mut client = connected();
    assert_eq!(sent(&mut client), [(Version::Two, Pdu::ResetQuery)]);
    let answer = [Pdu::CacheResponse { session: 7 }, announce(1), Pdu::OtherPayload, announce(2)];
    send(&mut client, Version::Two, &answer, 1).unwrap();
    assert_eq!((client.poll_change(), client.has_data()), (None, false), "the transfer is not complete");
    send(&mut client, Version::Two, &[end(7, 5)], 1).unwrap();
    let change = client.poll_change().unwrap();
    assert_eq!((change.added, change.removed), (vec![payload(1), payload(2)], vec![]));
    assert_eq!(client.next_timeout(), Some(at(101)));

    client.handle_timeout(at(101)).unwrap();
    assert_eq!(sent(&mut client), [(Version::Two, Pdu::SerialQuery { session: 7, serial: 5 })]);
    let answer = [Pdu::CacheResponse { session: 7 }, withdraw(1), announce(3), end(7, 6)];
    send(&mut client, Version::Two, &answer, 102).unwrap();
    let change = client.poll_change().unwrap();
    assert_eq!((change.added, change.removed), (vec![payload(3)], vec![payload(1)]));

    // A notification of the same data changes nothing, one of newer data leads to a query.
    send(&mut client, Version::Two, &[Pdu::SerialNotify { session: 7, serial: 6 }], 110).unwrap();
    assert_eq!(sent(&mut client), []);
    send(&mut client, Version::Two, &[Pdu::SerialNotify { session: 7, serial: 9 }], 110).unwrap();
    assert_eq!(sent(&mut client), [(Version::Two, Pdu::SerialQuery { session: 7, serial: 6 })]);
    send(&mut client, Version::Two, &[Pdu::CacheReset], 110).unwrap();
    assert_eq!(sent(&mut client), [(Version::Two, Pdu::ResetQuery)]);
    let answer = [Pdu::CacheResponse { session: 8 }, announce(3), announce(4), end(8, 1)];
    send(&mut client, Version::Two, &answer, 110).unwrap();
    let change = client.poll_change().unwrap();
    assert_eq!((change.added, change.removed), (vec![payload(4)], vec![payload(2)]));
    let status = client.status();
    assert_eq!((status.session, status.serial, status.payloads), (Some(8), Some(1), [2, 0]));
}

#[test]
fn an_older_cache_is_met_with_its_version() {
    // It answers with its version.
    let mut client = connected();
    send(&mut client, Version::One, &[Pdu::CacheResponse { session: 1 }, end(1, 1)], 1).unwrap();
    assert_eq!(client.status().version, Version::One);
    let refused = send(&mut client, Version::Zero, &[Pdu::SerialNotify { session: 1, serial: 2 }], 1);
    assert_eq!(refused, Err(ClientError::OtherVersion));

    // It refuses the query, and the next connections ask with older ones.
    let mut client = connected();
    let report = || Pdu::ErrorReport { code: ErrorCode::UNSUPPORTED_VERSION, text: String::new() };
    for (version, next) in [(Version::One, Version::One), (Version::One, Version::Zero)] {
        sent(&mut client);
        let error = send(&mut client, version, &[report()], 1).unwrap_err();
        assert_eq!((sent(&mut client), &error), (vec![], &ClientError::OlderVersion));
        client.handle_closed(at(1), Some(&error));
        assert_eq!(client.connect_at(), Some(at(1)), "at once");
        client.handle_connected(at(1));
        assert_eq!(client.status().version, next);
    }
    let error = send(&mut client, Version::Zero, &[report()], 1).unwrap_err();
    assert!(matches!(error, ClientError::Reported { .. }));
    client.handle_closed(at(1), Some(&error));
    assert_eq!(client.connect_at(), Some(at(601)));
}

#[test]
fn faults_end_the_connection_and_what_was_there_stays() {
    let start = [Pdu::CacheResponse { session: 7 }, announce(1), end(7, 5)];
    let difference = Pdu::CacheResponse { session: 7 };
    for (pdus, error, code) in [
        (vec![difference.clone(), announce(1)], ClientError::Transfer(ErrorCode(7)), Some(7)),
        (vec![difference.clone(), withdraw(2)], ClientError::Transfer(ErrorCode(6)), Some(6)),
        (vec![difference, end(9, 6)], ClientError::Unexpected, Some(0)),
        (vec![announce(2)], ClientError::Unexpected, Some(0)),
        (vec![Pdu::ResetQuery], ClientError::Unexpected, Some(0)),
        (vec![Pdu::CacheResponse { session: 9 }], ClientError::SessionChanged, None),
    ] {
        let mut client = connected();
        send(&mut client, Version::One, &start, 0).unwrap();
        client.poll_change();
        client.handle_timeout(at(100)).unwrap();
        sent(&mut client);
        assert_eq!(send(&mut client, Version::One, &pdus, 100), Err(error.clone()), "{pdus:?}");
        let reports: Vec<u16> = sent(&mut client)
            .into_iter()
            .map(|(_, pdu)| match pdu {
                Pdu::ErrorReport { code, .. } => code.0,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(reports, code.into_iter().collect::<Vec<_>>(), "{pdus:?}");
        client.handle_closed(at(100), Some(&error));
        assert_eq!(client.poll_change(), None);
        assert!(client.has_data());
        // The next transfer is of everything.
        client.handle_connected(at(110));
        assert_eq!(sent(&mut client), [(Version::One, Pdu::ResetQuery)]);
    }
}

#[test]
fn a_cache_without_data_is_asked_again() {
    let mut client = connected();
    let report = Pdu::ErrorReport { code: ErrorCode::NO_DATA_AVAILABLE, text: String::new() };
    send(&mut client, Version::One, &[report], 1).unwrap();
    sent(&mut client);
    assert_eq!(client.next_timeout(), Some(at(601)));
    client.handle_timeout(at(601)).unwrap();
    assert_eq!(sent(&mut client), [(Version::Two, Pdu::ResetQuery)]);
    assert_eq!(client.handle_timeout(at(660)), Ok(()));
    assert_eq!(client.handle_timeout(at(661)), Err(ClientError::Silent));
}

#[test]
fn payloads_expire_when_the_cache_stays_away() {
    let mut client = connected();
    send(&mut client, Version::One, &[Pdu::CacheResponse { session: 7 }, announce(1), end(7, 5)], 0).unwrap();
    client.poll_change();
    client.handle_closed(at(5), None);
    assert_eq!((client.connect_at(), client.next_timeout()), (Some(at(15)), Some(at(1000))));
    client.handle_timeout(at(999)).unwrap();
    assert_eq!(client.poll_change(), None);
    client.handle_timeout(at(1000)).unwrap();
    let change = client.poll_change().unwrap();
    assert_eq!((change.added, change.removed, client.has_data()), (vec![], vec![payload(1)], false));
}

#[test]
fn the_operators_times_count_before_those_of_the_cache() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let options = ClientOptions { refresh: seconds(5), retry: seconds(6), expire: seconds(700) };
    let mut client = Client::new(options, at(0));
    client.handle_connected(at(0));
    send(&mut client, Version::One, &[Pdu::CacheResponse { session: 7 }, end(7, 5)], 0).unwrap();
    assert_eq!((client.next_timeout(), client.status().expires_at), (Some(at(5)), Some(at(700))));
    client.handle_closed(at(1), None);
    assert_eq!(client.connect_at(), Some(at(7)));
}

/// A cache that answers as the RFC says, and remembers its data of each serial number.
struct Cache {
    session: u16,
    history: Vec<BTreeSet<RoutePayload>>,
}

impl Cache {
    fn answer(&self, pdu: &Pdu) -> Vec<Pdu> {
        let newest = self.history.last().unwrap();
        let serial = u32::try_from(self.history.len() - 1).unwrap();
        let of = |is_announced: bool, payloads: Vec<RoutePayload>| {
            payloads.into_iter().map(move |payload| Pdu::Payload { is_announced, payload })
        };
        let payloads: Vec<Pdu> = match *pdu {
            Pdu::SerialQuery { session, serial } if session == self.session => {
                let known = &self.history[serial as usize];
                let removed = known.difference(newest).copied().collect();
                of(false, removed).chain(of(true, newest.difference(known).copied().collect())).collect()
            }
            Pdu::SerialQuery { .. } => return vec![Pdu::CacheReset],
            Pdu::ResetQuery => of(true, newest.iter().copied().collect()).collect(),
            ref other => panic!("{other:?}"),
        };
        let start = Pdu::CacheResponse { session: self.session };
        [vec![start], payloads, vec![end(self.session, serial)]].concat()
    }
}

proptest! {
    /// Whatever is cut off, restarted or lost: after each complete transfer, the changes add up to the cache's data.
    #[test]
    fn the_changes_add_up_to_what_the_cache_has(
        steps in proptest::collection::vec((0..8u8, 0..12u8, 1..40usize), 1..60),
    ) {
        let mut cache = Cache { session: 1, history: vec![BTreeSet::new()] };
        let mut client = connected();
        let mut followed = BTreeSet::new();
        let mut now = 0;
        for (kind, number, chunk) in steps {
            now += 1;
            match kind {
                0 => {
                    client.handle_closed(at(now), None);
                    client.handle_connected(at(now));
                }
                1 => {
                    cache = Cache { session: cache.session + 1, history: vec![cache.history.pop().unwrap()] };
                    client.handle_closed(at(now), None);
                    client.handle_connected(at(now));
                }
                2..=4 => {
                    let mut next = cache.history.last().unwrap().clone();
                    if !next.remove(&payload(number)) {
                        next.insert(payload(number));
                    }
                    cache.history.push(next);
                    let serial = u32::try_from(cache.history.len() - 1).unwrap();
                    let notify = Pdu::SerialNotify { session: cache.session, serial };
                    let version = client.version;
                    send(&mut client, version, &[notify], now).unwrap();
                }
                _ => {}
            }
            let is_cut = kind == 5;
            for (version, pdu) in sent(&mut client) {
                let mut octets = Vec::new();
                cache.answer(&pdu).iter().for_each(|pdu| pdu.encode(version, &mut octets));
                if is_cut {
                    octets.truncate(chunk);
                }
                let mut buffer = Vec::new();
                for part in octets.chunks(chunk) {
                    buffer.extend_from_slice(part);
                    let taken = client.handle_octets(&buffer, at(now)).unwrap();
                    buffer.drain(..taken);
                }
            }
            if is_cut {
                client.handle_closed(at(now), None);
                client.handle_connected(at(now));
            }
            if let Some(change) = client.poll_change() {
                change.removed.iter().for_each(|payload| assert!(followed.remove(payload)));
                change.added.iter().for_each(|payload| assert!(followed.insert(*payload)));
            }
            if matches!(client.state, State::Idle(_)) {
                prop_assert_eq!(&followed, cache.history.last().unwrap());
            }
            prop_assert_eq!(&followed, &client.payloads);
        }
    }
}

//! Replays a recording on another Rib.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use bgp_codec::{DecodeContext, Message, decode_message};
use bytes::Bytes;
use margay_rib::{PeerIndex, Rib, RibInput};

use super::{FORMAT, MAGIC, Record, checksum};

/// Result of a replay.
#[derive(Debug)]
pub struct Replay {
    /// Version of the program that recorded: another one may compute another state from the same inputs.
    pub version: Arc<str>,
    /// The Rib at the end of the recording.
    pub rib: Rib,
    /// Number of inputs that it has handled.
    pub inputs: u64,
    /// Time of the last of them, since the start.
    pub time: Duration,
    /// How the recording ends.
    pub ending: Ending,
}

/// How a recording ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// The speaker ended in order, and its state was the same.
    Same,
    /// The speaker ended in order, with another state: a bug.
    Different,
    /// Between two turns of the speaker's loop, of which more may have followed: the daemon was killed, still
    /// runs, or stopped recording, and has logged the reason.
    Open,
    /// In the middle of a block, which is ignored.
    Torn,
    /// The caller stopped it.
    Stopped,
}

/// Why a recording cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file starts differently.
    #[error("this is not a recording")]
    NotARecording,
    /// The recording has another format.
    #[error("the recording is of format {0}, and this program reads format {FORMAT}")]
    OtherFormat(u8),
    /// A block cannot be decoded.
    #[error("the recording is damaged: block {0}")]
    Damaged(u64),
    /// The file cannot be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
}

/// Passes all inputs of a recording to a Rib. `see` is called before each record, with its time since the
/// start, and returns whether to continue.
///
/// # Errors
///
/// The file is not a recording, or not one of this program's format. A truncated recording is not an error.
pub fn replay(
    mut recording: impl Read,
    mut see: impl FnMut(Duration, &Record) -> bool,
) -> Result<Replay, ReplayError> {
    let mut magic = [0; MAGIC.len() + 1];
    let length = read_up_to(&mut recording, &mut magic)?;
    match magic.split_last() {
        Some((&FORMAT, name)) if name == MAGIC && length == magic.len() => {}
        Some((&format, name)) if name == MAGIC && length == magic.len() => {
            return Err(ReplayError::OtherFormat(format));
        }
        _ => return Err(ReplayError::NotARecording),
    }
    let mut blocks = 0;
    let mut replay: Option<Replay> = None;
    let (mut terms, mut contexts) = (None, BTreeMap::new());
    let ending = loop {
        let (time, octets) = match read_block(&mut recording)? {
            Block::Whole(time, octets) => (time, octets),
            Block::None => break Ending::Open,
            Block::Torn => break Ending::Torn,
        };
        let damaged = || ReplayError::Damaged(blocks);
        let mut rest = octets.as_slice();
        while !rest.is_empty() {
            let (record, after): (Record, _) = postcard::take_from_bytes(rest).map_err(|_| damaged())?;
            rest = after;
            let is_stopped = !see(time, &record);
            match (&mut replay, record) {
                (Some(replay), _) if is_stopped => {
                    replay.ending = Ending::Stopped;
                    break;
                }
                (None, Record::Start(version, options)) => {
                    let rib = Rib::new(options);
                    replay = Some(Replay { version, rib, inputs: 0, time, ending: Ending::Open });
                }
                (Some(replay), Record::End(sum)) => {
                    let is_same = checksum(&replay.rib) == sum;
                    replay.ending = if is_same { Ending::Same } else { Ending::Different };
                }
                (Some(_), Record::Terms(context)) => terms = Some(context),
                (Some(replay), Record::Input(input)) => {
                    handle(&mut replay.rib, &mut terms, &mut contexts, input).ok_or_else(damaged)?;
                    replay.inputs += 1;
                    replay.time = time;
                }
                (Some(_), Record::Start(..)) | (None, _) => return Err(damaged()),
            }
        }
        if let Some(Replay { ending, .. }) = replay
            && ending != Ending::Open
        {
            break ending;
        }
        blocks += 1;
    };
    let replay = replay.ok_or(ReplayError::Damaged(0))?;
    Ok(Replay { ending, ..replay })
}

/// Lets the Rib handle a recorded input; `None` if no daemon can have recorded it.
fn handle(
    rib: &mut Rib,
    terms: &mut Option<DecodeContext>,
    contexts: &mut BTreeMap<PeerIndex, DecodeContext>,
    input: RibInput<Bytes>,
) -> Option<()> {
    let decode = |peer, message| match decode_message(message, contexts.get(&peer)?) {
        Ok(Message::Update(update)) => Some(update),
        Ok(_) | Err(_) => None,
    };
    let input = input.map_update(decode)?;
    if let RibInput::PeerDown(peer, _) = input {
        contexts.remove(&peer);
    }
    if let Some(peer) = input.apply_to(rib) {
        contexts.insert(peer, terms.take()?);
    }
    Some(())
}

enum Block {
    Whole(Duration, Vec<u8>),
    Torn,
    None,
}

/// A block without records is torn: it is never written, but a file system that lost its power may leave
/// zeros.
fn read_block(recording: &mut impl Read) -> io::Result<Block> {
    let mut length = [0; 4];
    let mut time = [0; 8];
    match read_up_to(recording, &mut length)? {
        0 => return Ok(Block::None),
        4 => {}
        _ => return Ok(Block::Torn),
    }
    let length = u32::from_be_bytes(length);
    let mut octets = Vec::new();
    if length == 0 || read_up_to(recording, &mut time)? < time.len() {
        return Ok(Block::Torn);
    }
    recording.take(length.into()).read_to_end(&mut octets)?;
    if octets.len() < length as usize {
        return Ok(Block::Torn);
    }
    Ok(Block::Whole(Duration::from_nanos(u64::from_be_bytes(time)), octets))
}

/// Fills the buffer as far as possible.
fn read_up_to(recording: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match recording.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(octets) => length += octets,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use bgp_codec::{Asn, BgpIdentifier};
    use margay_rib::{DecisionRules, NetworkOptions, ReflectorOptions, RibOptions};

    use super::super::{RecordedRib, Recorder, RecordingSink, TakesNoMore};
    use super::*;

    /// Keeps a recording in memory, and accepts this many pieces.
    #[derive(Clone, Debug)]
    struct Memory(Arc<Mutex<Vec<u8>>>, usize);

    impl RecordingSink for Memory {
        fn take(&mut self, octets: &[u8]) -> Result<(), TakesNoMore> {
            self.1 = self.1.checked_sub(1).ok_or(TakesNoMore)?;
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(octets);
            Ok(())
        }
    }

    /// Three networks in a turn each, with an orderly end if requested.
    fn recorded(takes: usize, ends_in_order: bool) -> Vec<u8> {
        let memory = Memory(Arc::default(), takes);
        let identifier = BgpIdentifier::new(1).unwrap();
        let options = RibOptions {
            asn: Asn(64512),
            confederation: None,
            identifier,
            reflector: ReflectorOptions::new(identifier),
            forwarding: None,
            decision: DecisionRules::default(),
            hash_seed: 7,
        };
        let mut rib = RecordedRib::new(options, Some(Recorder::new(Box::new(memory.clone()))));
        rib.on_turn_over();
        for network in ["10.65.1.0/24", "10.65.2.0/24", "10.65.3.0/24"] {
            rib.originate(network.parse().unwrap(), NetworkOptions::default());
            rib.on_turn_over();
        }
        rib.originate("10.65.4.0/24".parse().unwrap(), NetworkOptions::default());
        if ends_in_order {
            rib.finish();
        }
        drop(rib);
        memory.0.lock().unwrap().clone()
    }

    fn networks(octets: &[u8]) -> (usize, Ending) {
        let replay = replay(octets, |_, _| true).unwrap();
        (replay.rib.view().counts().ipv4_prefixes, replay.ending)
    }

    #[test]
    fn the_end_says_whether_the_state_is_the_same() {
        let mut octets = recorded(usize::MAX, true);
        assert_eq!(networks(&octets), (4, Ending::Same));
        *octets.last_mut().unwrap() ^= 1;
        assert_eq!(networks(&octets), (4, Ending::Different));
    }

    #[test]
    fn what_the_last_turn_began_is_there_when_it_is_interrupted() {
        assert_eq!(networks(&recorded(usize::MAX, false)), (4, Ending::Open));
    }

    #[test]
    fn a_recording_that_takes_no_more_is_good_up_to_there() {
        assert_eq!(networks(&recorded(4, true)), (2, Ending::Open), "the name, the start, and two turns");
    }

    #[test]
    fn a_recording_may_end_anywhere() {
        let octets = recorded(usize::MAX, true);
        let mut endings = Vec::new();
        for end in 0..octets.len() {
            match replay(&octets[..end], |_, _| true) {
                Ok(replay) => endings.push((replay.rib.view().counts().ipv4_prefixes, replay.ending)),
                Err(ReplayError::NotARecording) => assert!(end < 17, "{end}"),
                Err(error) => assert!(matches!(error, ReplayError::Damaged(0)), "{end}: {error}"),
            }
        }
        endings.dedup();
        let wanted = (0..4).flat_map(|networks| [(networks, Ending::Open), (networks, Ending::Torn)]);
        assert_eq!(endings, wanted.collect::<Vec<_>>());
    }

    #[test]
    fn the_reader_may_stop_at_any_input() {
        let octets = recorded(usize::MAX, true);
        let mut left = 3;
        let replay = replay(octets.as_slice(), |_, _| {
            left -= 1;
            left >= 0
        });
        let replay = replay.unwrap();
        assert_eq!((replay.inputs, replay.ending), (2, Ending::Stopped));
    }

    #[test]
    fn what_is_no_recording_of_this_format_is_refused() {
        let octets = recorded(usize::MAX, true);
        let error = |octets: &[u8]| replay(octets, |_, _| true).unwrap_err().to_string();
        assert_eq!(error(b"#!/bin/sh\necho a longer text"), "this is not a recording");
        let mut other = octets.clone();
        other[16] = 1;
        let expected = format!("the recording is of format 1, and this program reads format {FORMAT}");
        assert_eq!(error(&other), expected);
        let mut damaged = octets.clone();
        damaged[17 + 12] = 200;
        assert_eq!(error(&damaged), "the recording is damaged: block 0");
        assert_eq!(error(&octets[..17]), "the recording is damaged: block 0", "it has no start");
    }
}

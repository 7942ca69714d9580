//! Gathers records into blocks for a sink.

use std::fmt::Debug;

use margay_rib::RibInput;
use tokio::time::Instant;

use super::record::Record;
use super::{BLOCK_HEADER_OCTETS, FORMAT, MAGIC};

/// Destination of a recording.
pub trait RecordingSink: Debug + Send {
    /// Accepts octets without waiting for a disk.
    ///
    /// # Errors
    ///
    /// It accepts no more, now or later, and has logged the reason.
    fn take(&mut self, octets: &[u8]) -> Result<(), TakesNoMore>;
}

/// The recording ends here; its contents are valid.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the recording accepts no more")]
pub struct TakesNoMore;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Recorder {
    /// `None` if it accepts no more.
    sink: Option<Box<dyn RecordingSink>>,
    started: Instant,
    /// The present block: empty, or a header and records.
    block: Vec<u8>,
}

/// A longer block is passed on before the turn is over.
const LONG_BLOCK_OCTETS: usize = 64 * 1024;

impl Recorder {
    /// Starts a recording.
    pub(crate) fn new(sink: Box<dyn RecordingSink>) -> Self {
        let mut recorder = Self { sink: Some(sink), started: Instant::now(), block: Vec::new() };
        recorder.hand_on(&[MAGIC.as_slice(), &[FORMAT]].concat());
        recorder
    }

    /// Whether records are still accepted.
    pub(super) fn is_open(&self) -> bool {
        self.sink.is_some()
    }

    /// Adds a record to the block.
    pub(super) fn note(&mut self, record: &Record<&RibInput>) {
        if self.block.is_empty() {
            let nanoseconds = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.block.extend_from_slice(&0_u32.to_be_bytes());
            self.block.extend_from_slice(&nanoseconds.to_be_bytes());
        }
        let block = std::mem::take(&mut self.block);
        self.block =
            postcard::to_extend(record, block).expect("records are plain values, and memory takes them");
        if self.block.len() >= LONG_BLOCK_OCTETS {
            self.flush();
        }
    }

    /// Passes the block on.
    pub(super) fn flush(&mut self) {
        let mut block = std::mem::take(&mut self.block);
        let Some(records) = block.len().checked_sub(BLOCK_HEADER_OCTETS) else { return };
        let length = u32::try_from(records).expect("a block is little longer than its longest record");
        block[..4].copy_from_slice(&length.to_be_bytes());
        self.hand_on(&block);
        block.clear();
        block.shrink_to(2 * LONG_BLOCK_OCTETS);
        self.block = block;
    }

    fn hand_on(&mut self, octets: &[u8]) {
        self.sink.take_if(|sink| sink.take(octets).is_err());
    }
}

impl Drop for Recorder {
    /// After a panic, the last block is the one of interest.
    fn drop(&mut self) {
        self.flush();
    }
}

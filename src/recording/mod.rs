//! The inputs of the Rib, written to a file as they come, and handed to another Rib later.
//!
//! The Rib is a value without a clock: the same inputs in the same order lead to the same state, to the last number. So a
//! recording holds the calls that change it, including those by which the speaker's loop has it work and polls what peers
//! and kernel are to be sent. What made the loop do so, sockets, processors and timers, does not matter any more.
//!
//! ```text
//! +-----------------------------------------------+
//! | "margay recording" and the format (17 octets) |
//! +-----------------------------------------------+
//! | length of the block (4 octets)                |  a block for each turn of the speaker's loop, or several when
//! | nanoseconds since the start (8 octets)        |  it takes in much
//! | records (postcard)                            |
//! +-----------------------------------------------+
//! ```

mod file;
mod record;
mod recorded_rib;
mod recorder;
mod replay;

pub use file::RecordingFile;
pub use record::Record;
pub(crate) use recorded_rib::RecordedRib;
pub(crate) use recorder::Recorder;
pub use recorder::{RecordingSink, TakesNoMore};
pub use replay::{Ending, Replay, ReplayError, replay};

/// The start of a recording: a name, and after it the number of the format.
const MAGIC: &[u8; 16] = b"margay recording";

/// The format that is written, and the only one that is read. It has to be raised when records change, in kind, in order
/// of fields, or in what the Rib makes of them.
const FORMAT: u8 = 19;

/// Length and time before the records of a block.
const BLOCK_HEADER_OCTETS: usize = 12;

/// A checksum of a Rib's state: different states have different ones, except by a chance of one in 2^64.
fn checksum(rib: &margay_rib::Rib) -> u64 {
    use std::fmt::Write as _;

    /// FNV-1a, 64 bits.
    struct Sum(u64);

    impl std::fmt::Write for Sum {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            for octet in text.bytes() {
                self.0 = (self.0 ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3);
            }
            Ok(())
        }
    }

    let mut sum = Sum(0xcbf2_9ce4_8422_2325);
    write!(sum, "{}", rib.view().dump()).expect("a number takes everything");
    sum.0
}

//! What the Rib is told, written to a file as it is told, and told to another Rib later.
//!
//! The Rib is a value without a clock: told the same in the same order, it is the same, to the last number. So a recording
//! holds the calls that change it, those included by which the speaker's loop has it work and takes what peers and kernel
//! are to be told. What made the loop do so, sockets, processors and timers, does not matter any more.
//!
//! ```text
//! +-----------------------------------------------+
//! | "margay recording" and the format (17 octets) |
//! +-----------------------------------------------+
//! | length of the block (4 octets)                |  a block for each turn of the speaker's loop, or several when
//! | nanoseconds since the start (8 octets)        |  it takes in much
//! | inputs                                        |
//! +-----------------------------------------------+
//! ```

mod file;
mod input;
mod octets;
mod recorded_rib;
mod recorder;
mod replay;

pub use file::RecordingFile;
pub use input::RibInput;
pub(crate) use recorded_rib::RecordedRib;
pub(crate) use recorder::Recorder;
pub use recorder::{RecordingSink, TakesNoMore};
pub use replay::{Ending, Replay, ReplayError, replay};

/// What a recording begins with: a name, and the number of the format.
const MAGIC: &[u8; 16] = b"margay recording";

/// The format that is written, and the only one that is read. Another one has other inputs, or other values in them.
const FORMAT: u8 = 3;

/// The length and the time before the inputs of a block.
const BLOCK_HEADER_OCTETS: usize = 12;

/// A number for a Rib's state: two that are not the same have another one, but for a chance of one in 2^64.
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
    write!(sum, "{}", rib.dump()).expect("a number takes everything");
    sum.0
}

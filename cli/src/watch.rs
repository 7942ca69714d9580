//! `--watch`: a view that is shown again and again.

use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::Duration;

use crate::run_error::RunError;

/// Shows what `show` writes until it fails or the reader of the output has gone: in the same place of a terminal, one after the
/// other elsewhere.
pub(crate) fn repeat(
    interval: Duration,
    out: &mut impl Write,
    mut show: impl FnMut(&mut Vec<u8>) -> Result<(), RunError>,
) -> Result<(), RunError> {
    let is_terminal = io::stdout().is_terminal();
    for time in 0_u64.. {
        let mut text = Vec::new();
        show(&mut text)?;
        if is_terminal {
            out.write_all(CLEAR.as_bytes())?;
        } else if time > 0 {
            out.write_all(b"\n")?;
        }
        out.write_all(&text)?;
        out.flush()?;
        thread::sleep(interval);
    }
    Ok(())
}

/// Clears a terminal and goes to its first line.
const CLEAR: &str = "\x1b[2J\x1b[H";

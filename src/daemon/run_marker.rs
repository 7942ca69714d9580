//! Detection of a former run of the daemon since the system booted, which may have left routes in the kernel.

use std::io;
use std::path::Path;

use super::StartKind;

/// Writes a file next to the control socket that marks this run, and returns whether a former run left one
/// since the system booted.
///
/// # Errors
///
/// The file cannot be written.
pub(super) fn leave(control_socket: &Path) -> io::Result<StartKind> {
    let file = control_socket.with_extension("run");
    let boot = std::fs::read("/proc/sys/kernel/random/boot_id")?;
    let is_restart = std::fs::read(&file).is_ok_and(|mark| mark == boot);
    std::fs::write(&file, boot)?;
    Ok(if is_restart { StartKind::Restart } else { StartKind::First })
}

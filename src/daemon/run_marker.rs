//! Whether a former run of the daemon left its routes in the kernel of the running system.

use std::io;
use std::path::Path;

use super::StartKind;

/// Leaves a file beside the control socket that says that the daemon ran since the system booted, and tells by the one of a
/// former run whether this is a restart.
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

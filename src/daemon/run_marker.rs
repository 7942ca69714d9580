//! Detection of a former run of the daemon since the system booted, which may have left routes in the kernel.

use std::io;
use std::path::Path;

use super::start::StartKind;

/// Writes a file next to the control socket that marks this run, and returns whether a former run left one
/// since the system booted.
///
/// # Errors
///
/// The file cannot be written.
pub(crate) fn leave(control_socket: &Path) -> io::Result<StartKind> {
    let file = control_socket.with_extension("run");
    let boot = std::fs::read("/proc/sys/kernel/random/boot_id")?;
    let is_restart = std::fs::read(&file).is_ok_and(|mark| mark == boot);
    std::fs::write(&file, boot)?;
    Ok(if is_restart { StartKind::Restart } else { StartKind::First })
}

/// Removes the file: peers have lost this node's routes, so the next run is not a restart.
///
/// # Errors
///
/// The file stays.
pub(crate) fn remove(control_socket: &Path) -> io::Result<()> {
    match std::fs::remove_file(control_socket.with_extension("run")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_after_another_is_a_restart_unless_that_was_shut_down() {
        let socket = std::env::temp_dir().join(format!("margay-run-{}.sock", std::process::id()));
        remove(&socket).unwrap();
        assert_eq!(leave(&socket).unwrap(), StartKind::First);
        assert_eq!(leave(&socket).unwrap(), StartKind::Restart);
        remove(&socket).unwrap();
        assert_eq!(leave(&socket).unwrap(), StartKind::First);
        remove(&socket).unwrap();
    }
}

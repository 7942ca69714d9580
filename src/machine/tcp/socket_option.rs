//! Socket options without a safe interface.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd};

/// Sets a socket option to a plain value.
///
/// # Errors
///
/// An error of the system.
#[expect(unsafe_code, reason = "TCP_MD5SIG, IP_MINTTL and IPV6_MINHOPCOUNT have no safe interface")]
pub(super) fn set_socket_option<T>(
    socket: impl AsFd,
    level: libc::c_int,
    option: libc::c_int,
    value: &T,
) -> io::Result<()> {
    let octets = libc::socklen_t::try_from(size_of::<T>()).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open as long as it is borrowed, and the kernel reads `octets` octets from `value`,
    // which is a live reference to that many.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            option,
            std::ptr::from_ref(value).cast::<libc::c_void>(),
            octets,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

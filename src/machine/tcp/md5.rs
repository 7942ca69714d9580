//! The TCP MD5 signature option (RFC 2385), as Linux offers it.

use std::io;
use std::mem::size_of;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use bgp_codec::Prefix;
use socket2::SockAddr;

use super::socket_option::set_socket_option;

/// The password that protects a session's TCP connections.
#[derive(Clone, Eq, PartialEq)]
pub struct TcpPassword {
    octets: Vec<u8>,
}

/// A password that Linux cannot use.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a TCP password has 1 to {MAX_KEY_OCTETS} octets, not {octets}")]
pub struct TcpPasswordError {
    octets: usize,
}

impl TcpPassword {
    /// A password of these octets.
    ///
    /// # Errors
    ///
    /// There are none, or more than 80.
    pub fn new(octets: impl Into<Vec<u8>>) -> Result<Self, TcpPasswordError> {
        let octets = octets.into();
        if (1..=MAX_KEY_OCTETS).contains(&octets.len()) {
            Ok(Self { octets })
        } else {
            Err(TcpPasswordError { octets: octets.len() })
        }
    }
}

impl std::fmt::Debug for TcpPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TcpPassword(..)")
    }
}

/// Sets the password for segments from and to `peer`; `None` removes it.
///
/// On a listening socket, segments of `peer` without the right signature are dropped from now on.
///
/// # Errors
///
/// The system refuses: it does not support the option, or `peer` is of another family than the socket.
pub(crate) fn set_password(
    socket: impl AsFd,
    peer: IpAddr,
    password: Option<&TcpPassword>,
) -> io::Result<()> {
    set(socket, libc::TCP_MD5SIG, TcpMd5Signature::new(peer, password))
}

/// Sets the password for segments from and to all peers in `range` without one of their own; `None` removes
/// it. For a listening socket; connections inherit the password.
///
/// # Errors
///
/// As for [`set_password`]; Linux before 4.13 does not support passwords for ranges.
pub(crate) fn set_range_password(
    socket: impl AsFd,
    range: Prefix,
    password: Option<&TcpPassword>,
) -> io::Result<()> {
    let signature = TcpMd5Signature {
        flags: RANGE_FLAG,
        prefix_length_bits: range.length(),
        ..TcpMd5Signature::new(range.network(), password)
    };
    set(socket, libc::TCP_MD5SIG_EXT, signature)
}

fn set(socket: impl AsFd, option: libc::c_int, signature: TcpMd5Signature) -> io::Result<()> {
    match set_socket_option(socket, libc::IPPROTO_TCP, option, &signature) {
        // There was none to remove.
        Err(error) if error.raw_os_error() == Some(libc::ENOMEM) => Err(io::Error::new(
            error.kind(),
            "the kernel has no memory for one more password on this socket: raise the sysctl net.core.optmem_max",
        )),
        Err(error) if signature.key_octets == 0 && error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
        result => result,
    }
}

/// Linux's `struct tcp_md5sig`.
#[repr(C)]
struct TcpMd5Signature {
    peer: socket2::SockAddrStorage,
    flags: u8,
    prefix_length_bits: u8,
    key_octets: u16,
    interface: i32,
    key: [u8; MAX_KEY_OCTETS],
}

impl TcpMd5Signature {
    /// For one peer; without a password it is removed.
    fn new(peer: IpAddr, password: Option<&TcpPassword>) -> Self {
        let octets = password.map_or(&[][..], |password| &password.octets);
        let mut key = [0; MAX_KEY_OCTETS];
        key[..octets.len()].copy_from_slice(octets);
        Self {
            peer: SockAddr::from(SocketAddr::new(peer, 0)).as_storage(),
            flags: 0,
            prefix_length_bits: 0,
            key_octets: u16::try_from(octets.len()).expect("a password has at most 80 octets"),
            interface: 0,
            key,
        }
    }
}

/// TCP_MD5SIG_FLAG_PREFIX: the prefix length is used.
const RANGE_FLAG: u8 = 1;

/// TCP_MD5SIG_MAXKEYLEN.
const MAX_KEY_OCTETS: usize = 80;

// Size of the kernel's structure.
const _: () = assert!(size_of::<TcpMd5Signature>() == 128 + 8 + MAX_KEY_OCTETS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_1_to_80_octets_and_is_never_shown() {
        for (octets, is_good) in [(0, false), (1, true), (80, true), (81, false)] {
            assert_eq!(TcpPassword::new(vec![b'x'; octets]).is_ok(), is_good, "{octets}");
        }
        assert!(!format!("{:?}", TcpPassword::new("secret").unwrap()).contains("secret"));
    }
}

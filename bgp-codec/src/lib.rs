//! BGP-4 messages and path attributes: octets to values and back, without I/O.

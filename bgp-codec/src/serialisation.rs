//! `serde` implementations of types whose constructors can fail.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use crate::{IpPrefix as _, Ipv4Prefix, Ipv6Prefix, Update};

impl Serialize for Ipv4Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.address(), self.length()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ipv4Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (address, length_bits) = <(Ipv4Addr, u8)>::deserialize(deserializer)?;
        Self::new(address, length_bits).map_err(D::Error::custom)
    }
}

impl Serialize for Ipv6Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.address(), self.length()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ipv6Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (address, length_bits) = <(Ipv6Addr, u8)>::deserialize(deserializer)?;
        Self::new(address, length_bits).map_err(D::Error::custom)
    }
}

/// The octets of the message. They are deserialised as octets, and decoded by
/// [`decode_message`](crate::decode_message) under the terms of the session.
impl Serialize for Update {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.message())
    }
}

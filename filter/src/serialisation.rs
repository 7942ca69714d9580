//! What `serde` reads of values that not every number makes.

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use crate::length_range::LengthRange;
use crate::value_range::ValueRange;

impl Serialize for LengthRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.shortest(), self.longest()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for LengthRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (shortest, longest) = <(u8, u8)>::deserialize(deserializer)?;
        Self::new(shortest, longest).ok_or_else(|| D::Error::custom("not a range of prefix lengths"))
    }
}

impl Serialize for ValueRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.lowest(), self.highest()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ValueRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (lowest, highest) = <(u32, u32)>::deserialize(deserializer)?;
        Self::new(lowest, highest).ok_or_else(|| D::Error::custom("not a range of values"))
    }
}

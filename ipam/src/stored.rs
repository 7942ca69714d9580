//! Values of address management as they stand in the store: read with what other programs wrote into them, written to the field as
//! Calico does.

use std::collections::BTreeMap;

use bytes::Bytes;
use margay_cluster::document::read_json;
use margay_cluster::ipam::{AffinityState, Handle};
use margay_cluster::schema::{Schema, UnknownFields, decode};
use margay_watch::{Current, Stamp};
use serde_json::{Map, Value, json};

use crate::IpamError;
use crate::block::AddressBlock;

/// A value with the stamp that it was read with.
#[derive(Clone, Debug)]
pub(crate) struct Stored<T> {
    /// The value.
    pub(crate) value: T,
    /// Which write it is.
    pub(crate) stamp: Stamp,
    /// Fields that this version does not know. They are written back.
    unknown: Map<String, Value>,
}

impl Stored<AddressBlock> {
    /// Reads a block.
    pub(crate) fn block(key: &str, current: &Current) -> Result<Self, IpamError> {
        let (block, unknown) = read(key, &current.value)?;
        Ok(Self { value: AddressBlock::from_value(block), stamp: current.stamp, unknown })
    }

    /// The octets to write.
    pub(crate) fn encode(&self) -> Bytes {
        encode_block(&self.value, self.unknown.clone())
    }
}

impl Stored<Handle> {
    /// Reads a handle.
    pub(crate) fn handle(key: &str, current: &Current) -> Result<Self, IpamError> {
        let (value, unknown) = read(key, &current.value)?;
        Ok(Self { value, stamp: current.stamp, unknown })
    }

    /// The octets to write.
    pub(crate) fn encode(&self) -> Bytes {
        encode_handle(&self.value.block, self.unknown.clone())
    }
}

impl AddressBlock {
    /// Reads a stored block.
    ///
    /// # Errors
    ///
    /// When it is not JSON, or not a block.
    pub fn read(text: &[u8]) -> Result<Self, IpamError> {
        read_block("block", text)
    }

    /// The octets that are stored.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        encode_block(self, Map::new())
    }
}

/// A new handle.
pub(crate) fn new_handle(counts: &BTreeMap<String, u64>) -> Bytes {
    encode_handle(counts, Map::new())
}

/// An affinity in a state.
pub(crate) fn affinity(state: AffinityState) -> Bytes {
    octets(&json!({"state": state.as_str(), "deleted": false}))
}

fn encode_block(block: &AddressBlock, unknown: Map<String, Value>) -> Bytes {
    let value = block.value();
    let mut fields = unknown;
    let always = json!({
        "affinity": null, "unallocated": [], "attributes": [], "sequenceNumber": 0,
        "sequenceNumberForAllocation": {}, "deleted": false, "strictAffinity": false,
    });
    extend(&mut fields, always);
    extend(&mut fields, value.encode());
    let attributes = value.attributes.iter().map(|attributes| {
        let mut fields = Map::new();
        extend(&mut fields, json!({"handle_id": null, "secondary": null}));
        extend(&mut fields, attributes.encode());
        Value::Object(fields)
    });
    fields.insert("attributes".to_owned(), attributes.collect());
    octets(&Value::Object(fields))
}

fn encode_handle(counts: &BTreeMap<String, u64>, unknown: Map<String, Value>) -> Bytes {
    let mut fields = unknown;
    extend(&mut fields, json!({"block": counts, "deleted": false}));
    octets(&Value::Object(fields))
}

fn extend(fields: &mut Map<String, Value>, value: Value) {
    if let Value::Object(more) = value {
        fields.extend(more);
    }
}

fn octets(value: &Value) -> Bytes {
    value.to_string().into_bytes().into()
}

/// Decodes a value, and keeps the fields that are not known.
fn read<T: Schema>(key: &str, text: &[u8]) -> Result<(T, Map<String, Value>), IpamError> {
    let unreadable = |problem: String| IpamError::Unreadable { key: key.to_owned(), problem };
    let document = read_json(text).map_err(|error| unreadable(error.to_string()))?;
    let value: T =
        decode(&document, UnknownFields::Ignore).map_err(|problems| unreadable(problems.to_string()))?;
    let mut unknown = match document.to_json() {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    if let Value::Object(known) = value.encode() {
        unknown.retain(|field, _| !known.contains_key(field));
    }
    Ok((value, unknown))
}

/// Reads the value of a block alone.
pub(crate) fn read_block(key: &str, text: &[u8]) -> Result<AddressBlock, IpamError> {
    read(key, text).map(|(block, _)| AddressBlock::from_value(block))
}

#[cfg(test)]
mod tests {
    use margay_cluster::ipam::BlockOwner;
    use margay_watch::Revision;

    use super::*;
    use crate::block::{AddressOwner, Release};
    use crate::{PrefixSet, WallTime};

    fn current(value: &str) -> Current {
        let stamp = Stamp { revision: Revision(1), created: Revision(1), version: 1 };
        Current { value: value.to_owned().into(), stamp }
    }

    fn json_of(octets: &Bytes) -> Value {
        serde_json::from_slice(octets).unwrap()
    }

    #[test]
    fn values_have_all_fields_that_other_programs_write() {
        let owner = BlockOwner { owner_type: "host".to_owned(), name: "n".to_owned() };
        let mut block = AddressBlock::new("10.0.0.4/31".parse().unwrap(), Some(owner), None, WallTime(1));
        let new = json!({
            "cidr": "10.0.0.4/31", "affinity": "host:n", "affinityClaimTime": "1970-01-01T00:00:01Z",
            "allocations": [null, null], "unallocated": [0, 1], "attributes": [], "sequenceNumber": 1_000_000,
            "sequenceNumberForAllocation": {}, "deleted": false, "strictAffinity": false,
        });
        assert_eq!(json_of(&block.encode()), new);

        let owner = AddressOwner { handle: Some("h".to_owned()), ..AddressOwner::default() };
        block.give(1, &owner, &PrefixSet::default());
        block.count_write();
        let given = json_of(&block.encode());
        assert_eq!(given["allocations"], json!([0, null]));
        assert_eq!(given["unallocated"], json!([1]));
        assert_eq!(given["attributes"], json!([{"handle_id": "h", "secondary": null}]));
        assert_eq!(given["sequenceNumberForAllocation"], json!({"0": 1_000_000}));
        assert_eq!(given["sequenceNumber"], json!(1_000_001));

        block.remove_owner();
        assert_eq!(json_of(&block.encode())["affinity"], Value::Null);
        assert_eq!(json_of(&affinity(AffinityState::Pending)), json!({"state": "pending", "deleted": false}));
        let counts = BTreeMap::from([("10.0.0.4/31".to_owned(), 1)]);
        assert_eq!(json_of(&new_handle(&counts)), json!({"block": {"10.0.0.4/31": 1}, "deleted": false}));
    }

    #[test]
    fn a_block_of_one_address_is_written_with_its_length() {
        let block = AddressBlock::new("10.0.0.4/32".parse().unwrap(), None, None, WallTime(1));
        assert_eq!(json_of(&block.encode())["cidr"], "10.0.0.4/32");
    }

    #[test]
    fn fields_that_are_not_known_are_written_back_and_known_ones_are_not_kept() {
        let text = r#"{"cidr":"10.0.0.4/31","affinity":"host:n","hostAffinity":"n","allocations":[0,null],"unallocated":[1],
            "attributes":[{"handle_id":"h","secondary":{"node":"n"}}],"sequenceNumber":7,"future":{"a":1}}"#;
        let mut stored = Stored::block("key", &current(text)).unwrap();
        stored.value.take_back(&[Release::of("10.0.0.4".parse().unwrap())], WallTime(9)).unwrap();
        stored.value.collect(WallTime(9), 0);
        stored.value.remove_owner();
        let written = json_of(&stored.encode());
        assert_eq!(written["future"], json!({"a": 1}));
        assert_eq!(written["affinity"], Value::Null);
        assert_eq!(written.get("hostAffinity"), None);
        assert_eq!(written["allocations"], json!([null, null]));
        assert_eq!(written["unallocated"], json!([1, 0]));
        assert_eq!(written["attributes"], json!([]));

        let mut handle = Stored::handle("key", &current(r#"{"block":{"10.0.0.4/31":2},"x":3}"#)).unwrap();
        handle.value.block.insert("10.0.0.6/31".to_owned(), 1);
        let expected = json!({"block": {"10.0.0.4/31": 2, "10.0.0.6/31": 1}, "x": 3, "deleted": false});
        assert_eq!(json_of(&handle.encode()), expected);
    }

    #[test]
    fn what_is_not_a_value_is_named_with_its_key() {
        for text in ["", "{", "[]", r#"{"cidr":"10.0.0.4/31","allocations":[5,null]}"#] {
            let error = Stored::block("/calico/b", &current(text)).unwrap_err();
            assert!(error.to_string().starts_with("/calico/b: "), "{error}");
        }
    }
}

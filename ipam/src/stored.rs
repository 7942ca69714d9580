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

/// A new block.
pub(crate) fn new_block(block: &AddressBlock) -> Bytes {
    encode_block(block, Map::new())
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
    // A single address is written with its length, too.
    fields.insert("cidr".to_owned(), value.cidr.0.to_string().into());
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

//! Everything that is stored, by what it is.

use std::collections::BTreeMap;

use margay_cluster::document::{JsonError, Node, read_json};
use margay_cluster::ipam::{Block, BlockAffinity, Handle, IpamSettings, read_block_affinity};
use margay_cluster::key::{BlockAffinityKey, Key, ObjectKey};
use margay_cluster::object::AnyObject;
use margay_cluster::schema::{Schema, UnknownFields, decode};
use margay_datastore::KeyValue;

use super::finding::{Finding, Severity};
use crate::objects::query::typed_name;

/// What is stored and can be used.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) objects: BTreeMap<ObjectKey, AnyObject>,
    pub(super) blocks: BTreeMap<ipnet::IpNet, Block>,
    pub(super) affinities: BTreeMap<BlockAffinityKey, BlockAffinity>,
}

impl Contents {
    /// Reads all entries, and reports those that cannot be used.
    pub(super) fn read(entries: &[KeyValue], findings: &mut Vec<Finding>) -> Self {
        let mut contents = Self::default();
        for entry in entries {
            let text = String::from_utf8_lossy(&entry.key);
            let value = &entry.entry.value;
            let outcome = match text.parse::<Key>() {
                Ok(key) => contents.add(key, value),
                Err(error) if !text.starts_with(margay_cluster::key::OWN_ROOT) => {
                    let message = format!("the key is {error}").replace("a key that is ", "");
                    findings.push(Finding {
                        severity: Severity::Warning,
                        subject: text.into_owned(),
                        message,
                    });
                    continue;
                }
                Err(_) => continue,
            };
            if let Err((subject, messages)) = outcome {
                let finding =
                    |message| Finding { severity: Severity::Error, subject: subject.clone(), message };
                findings.extend(messages.into_iter().map(finding));
            }
        }
        contents
    }

    /// The objects of a type.
    pub(super) fn of_kind<'c, T: 'c>(
        &'c self,
        pick: impl Fn(&'c AnyObject) -> Option<&'c T>,
    ) -> impl Iterator<Item = (&'c ObjectKey, &'c T)> {
        self.objects.iter().filter_map(move |(key, object)| Some((key, pick(object)?)))
    }

    fn add(&mut self, key: Key, value: &[u8]) -> Result<(), (String, Vec<String>)> {
        match key {
            Key::Object(key) => {
                let object = read_object(&key, value).map_err(|messages| (typed_name(&key), messages))?;
                self.objects.insert(key, object);
            }
            Key::Block(key) => {
                let subject = format!("block {}", key.block);
                let block: Block = read(value).map_err(|messages| (subject.clone(), messages))?;
                if block.cidr.0 != key.block {
                    let message = format!("its value says that it is {}", block.cidr);
                    self.blocks.insert(key.block, block);
                    return Err((subject, vec![message]));
                }
                self.blocks.insert(key.block, block);
            }
            Key::BlockAffinity(key) => {
                let affinity = read_block_affinity(value).map_err(|error| {
                    (
                        format!("affinity of {} {} to {}", key.owner_type, key.owner, key.block),
                        vec![error.to_string()],
                    )
                })?;
                self.affinities.insert(key, affinity);
            }
            Key::Handle(key) => {
                read::<Handle>(value).map_err(|messages| (format!("handle {}", key.id), messages))?;
            }
            Key::IpamSettings => {
                read::<IpamSettings>(value).map_err(|messages| ("settings of IPAM".to_owned(), messages))?;
            }
            Key::NodeStatus(_) | Key::LastNodeStatus(_) | Key::WorkloadStatus(_) => {}
        }
        Ok(())
    }
}

fn read_object(key: &ObjectKey, value: &[u8]) -> Result<AnyObject, Vec<String>> {
    let node = read_json(value).map_err(|error| not_json(&error))?;
    let object = AnyObject::decode_kind(key.kind, &node, UnknownFields::Ignore);
    let object = object.map_err(|problems| problems.0.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let name = object.metadata().name.as_str();
    if name != key.name {
        return Err(vec![format!("its name is {name}")]);
    }
    match &object.metadata().namespace {
        Some(namespace) if key.namespace.as_deref() != Some(namespace.as_str()) => {
            Err(vec![format!("its namespace is {namespace}")])
        }
        _ => Ok(object),
    }
}

fn read<T: Schema>(value: &[u8]) -> Result<T, Vec<String>> {
    let node: Node<'_> = read_json(value).map_err(|error| not_json(&error))?;
    decode(&node, UnknownFields::Ignore)
        .map_err(|problems| problems.0.iter().map(ToString::to_string).collect())
}

fn not_json(error: &JsonError) -> Vec<String> {
    vec![format!("is not JSON: {error}")]
}

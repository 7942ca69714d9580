//! Objects of the datastore, read and written as JSON with compare-and-swap; fields that this program does not know survive.

use anyhow::{Result, bail};
use bytes::Bytes;
use margay_cluster::document::read_json;
use margay_cluster::key::{Key, ObjectKey};
use margay_cluster::object::{API_VERSION, Kind, Object, decode_object};
use margay_cluster::schema::UnknownFields;
use margay_datastore::{Client, Expected, Store as _, SwapOutcome};
use serde_json::{Value, json};

use crate::wall_clock;

/// Reads an object.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn decode<O: Object>(octets: &[u8]) -> Result<O, String> {
    let document = read_json(octets).map_err(|error| error.to_string())?;
    decode_object(&document, UnknownFields::Ignore).map_err(|problems| problems.to_string())
}

/// Changes an object, or makes it. `change` is given what stands there, `null` for nothing, and returns what is to stand there; `None`
/// leaves everything as it is. It is called again when another program was faster.
///
/// # Errors
///
/// When the store is not reached, what stands there is not JSON, or other programs were always faster.
pub(crate) async fn change(
    client: &Client,
    key: &ObjectKey,
    mut change: impl FnMut(Value) -> Option<Value>,
) -> Result<()> {
    let text = Key::Object(key.clone()).to_string();
    for attempt in 1..=ATTEMPTS {
        let current = client.get(text.as_bytes()).await?;
        let before = match &current {
            Some(current) => serde_json::from_slice(&current.value)?,
            None => Value::Null,
        };
        let Some(after) = change(before.clone()).filter(|after| *after != before) else { return Ok(()) };
        let expected = current.map_or(Expected::Absent, |current| Expected::At(current.stamp));
        let value = Bytes::from(serde_json::to_vec(&after)?);
        match client.swap(text.as_bytes(), expected, Some(value)).await {
            SwapOutcome::Written(_) => return Ok(()),
            SwapOutcome::Conflict(_) | SwapOutcome::Overtaken(_) => client.pause(attempt).await,
            SwapOutcome::Refused(why) | SwapOutcome::Unknown(why) => bail!("{text}: {why}"),
        }
    }
    bail!("other writers changed {text} too often")
}

/// Deletes an object, if it is as `is_meant` expects. An object that is not there is no error.
///
/// # Errors
///
/// When the store is not reached, or other programs were always faster.
pub(crate) async fn delete(
    client: &Client,
    key: &ObjectKey,
    is_meant: impl Fn(&Value) -> bool,
) -> Result<()> {
    let text = Key::Object(key.clone()).to_string();
    for attempt in 1..=ATTEMPTS {
        let Some(current) = client.get(text.as_bytes()).await? else { return Ok(()) };
        let object: Value = serde_json::from_slice(&current.value).unwrap_or_default();
        if !is_meant(&object) {
            return Ok(());
        }
        match client.swap(text.as_bytes(), Expected::At(current.stamp), None).await {
            SwapOutcome::Written(_) => return Ok(()),
            SwapOutcome::Conflict(_) | SwapOutcome::Overtaken(_) => client.pause(attempt).await,
            SwapOutcome::Refused(why) | SwapOutcome::Unknown(why) => bail!("{text}: {why}"),
        }
    }
    bail!("other writers changed {text} too often")
}

/// A new object of a kind, with an empty spec.
pub(crate) fn new_object(kind: Kind, namespace: Option<&str>, name: &str) -> Value {
    let mut metadata = json!({
        "name": name,
        "uid": random_uid(),
        "creationTimestamp": wall_clock::now().to_string(),
    });
    if let Some(namespace) = namespace {
        metadata["namespace"] = json!(namespace);
    }
    json!({"kind": kind.as_str(), "apiVersion": API_VERSION, "metadata": metadata, "spec": {}})
}

/// A random identity (RFC 9562, version 4).
fn random_uid() -> String {
    let mut octets = [0; 16];
    if let Err(error) = getrandom::fill(&mut octets) {
        tracing::warn!(%error, "no random numbers");
    }
    let number = u128::from_be_bytes(octets) & !(0xf << 76) & !(0xc << 60) | 4 << 76 | 8 << 60;
    let digits = format!("{number:032x}");
    let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)]
        .map(|(from, to)| digits.get(from..to).unwrap_or_default());
    parts.join("-")
}

const ATTEMPTS: u32 = 20;

#[cfg(test)]
mod tests {
    use super::random_uid;

    #[test]
    fn identities_are_random_and_say_so() {
        let (one, other) = (random_uid(), random_uid());
        assert_ne!(one, other);
        let parts: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(&one[14..15], "4");
        assert!("89ab".contains(&one[19..20]), "{one}");
    }
}

//! The node's own object.

use anyhow::{Result, anyhow, bail};
use ipnet::IpNet;
use margay_cluster::document::read_json;
use margay_cluster::key::ObjectKey;
use margay_cluster::object::{Kind, Node, decode_object};
use margay_cluster::schema::UnknownFields;
use margay_datastore::{Client, KeyRange};
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::detection::Detection;
use crate::stored_object;
use crate::uplinks::Uplinks;

/// Writes the node's addresses and AS number into its object, and makes it when there is none. What other programs have written there
/// stays.
///
/// # Errors
///
/// When an address is not found, another node has it, or the datastore is not reached.
pub(super) async fn write(client: &Client, arguments: &Arguments, links: &Uplinks) -> Result<()> {
    let find = |method: &Option<Detection>, is_ipv4| match method {
        Some(method) => method.find(links, is_ipv4).map_err(|error| anyhow!(error)),
        None => Ok(None),
    };
    let (ipv4, ipv6) = (find(&arguments.ipv4, true)?, find(&arguments.ipv6, false)?);
    check_conflicts(client, &arguments.node, [ipv4, ipv6]).await?;
    let key = ObjectKey { kind: Kind::Node, namespace: None, name: arguments.node.clone() };
    stored_object::change(client, &key, |before| {
        let mut object = match before {
            Value::Null => stored_object::new_object(Kind::Node, None, &arguments.node),
            before => before,
        };
        for (field, address) in [("ipv4Address", ipv4), ("ipv6Address", ipv6)] {
            if let Some(address) = address {
                object["spec"]["bgp"][field] = json!(address.to_string());
            }
        }
        if let Some(asn) = arguments.asn {
            object["spec"]["bgp"]["asNumber"] = json!(asn);
        }
        Some(object)
    })
    .await
}

/// Refuses an address that another node has: both would lose their packets.
async fn check_conflicts(client: &Client, own: &str, addresses: [Option<IpNet>; 2]) -> Result<()> {
    let listed = client.list(&KeyRange::of_prefix(ObjectKey::prefix(Kind::Node, None))).await?;
    for key_value in listed.key_values {
        let Ok(document) = read_json(&key_value.entry.value) else { continue };
        let Ok(node) = decode_object::<Node>(&document, UnknownFields::Ignore) else { continue };
        if node.metadata.name.as_str() == own {
            continue;
        }
        let bgp = node.spec.bgp.as_ref();
        let taken = bgp.map(|bgp| [bgp.ipv4_address, bgp.ipv6_address]).into_iter().flatten().flatten();
        for other in taken {
            if addresses.iter().flatten().any(|address| address.addr() == other.addr()) {
                bail!("the node {} has the address {} already", node.metadata.name.as_str(), other.addr());
            }
        }
    }
    Ok(())
}

//! The pools that are made when there are none.

use anyhow::Result;
use ipnet::IpNet;
use margay_cluster::key::ObjectKey;
use margay_cluster::object::Kind;
use margay_datastore::{Client, KeyRange};
use serde_json::json;

use crate::arguments::Arguments;
use crate::stored_object;

/// Makes the pools that the arguments name, unless there is any pool at all: an operator who has removed one does not want it back.
pub(super) async fn ensure(client: &Client, arguments: &Arguments) -> Result<()> {
    let wanted = [
        ("default-ipv4-ippool", arguments.default_pool_ipv4),
        ("default-ipv6-ippool", arguments.default_pool_ipv6),
    ];
    if wanted.iter().all(|(_, cidr)| cidr.is_none()) {
        return Ok(());
    }
    let pools = client.list(&KeyRange::of_prefix(ObjectKey::prefix(Kind::IpPool, None))).await?;
    if !pools.key_values.is_empty() {
        return Ok(());
    }
    for (name, cidr) in wanted {
        if let Some(cidr) = cidr {
            make(client, name, cidr, &arguments.default_pool_vxlan).await?;
        }
    }
    Ok(())
}

async fn make(client: &Client, name: &str, cidr: IpNet, vxlan_mode: &str) -> Result<()> {
    let key = ObjectKey { kind: Kind::IpPool, namespace: None, name: name.to_owned() };
    stored_object::change(client, &key, |before| {
        before.is_null().then(|| {
            let is_ipv4 = cidr.addr().is_ipv4();
            let mut pool = stored_object::new_object(Kind::IpPool, None, name);
            pool["spec"] = json!({
                "cidr": cidr.trunc().to_string(),
                "ipipMode": "Never",
                "vxlanMode": vxlan_mode,
                "natOutgoing": is_ipv4,
                "blockSize": if is_ipv4 { 26 } else { 122 },
                "nodeSelector": "all()",
                "allowedUses": ["Workload", "Tunnel"],
            });
            pool
        })
    })
    .await
}

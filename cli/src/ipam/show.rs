//! `margay ipam show`: the use of pools and blocks, and the owner of an address.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::IpAddr;
use std::process::ExitCode;

use margay_ipam::{AddressInfo, IpamError, PoolUse};
use serde_json::{Value, json};

use super::procedure::with_ipam;
use crate::arguments::objects::ConnectionArguments;
use crate::run_error::RunError;
use crate::table::{Align, Table};

pub(super) fn pools(
    connection: &ConnectionArguments,
    show_blocks: bool,
    as_json: bool,
    out: &mut impl Write,
) -> Result<ExitCode, RunError> {
    let pools = with_ipam(connection, async |ipam| ipam.utilization().await)?;
    if as_json {
        writeln!(out, "{:#}", pools.iter().map(|pool| pool_json(pool, show_blocks)).collect::<Value>())?;
    } else {
        out.write_all(table(&pools, show_blocks).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(pools: &[PoolUse], show_blocks: bool) -> String {
    let mut table = Table::new([
        ("GROUPING", Align::Left),
        ("CIDR", Align::Left),
        ("NODE", Align::Left),
        ("TOTAL", Align::Right),
        ("IN USE", Align::Right),
        ("RESERVED", Align::Right),
        ("FREE", Align::Right),
    ]);
    for pool in pools {
        let numbers =
            [pool.capacity, pool.in_use, pool.reserved, pool.available].map(|number| number.to_string());
        let [total, in_use, reserved, free] = numbers;
        let title = format!("IP pool {}", pool.name);
        table.row([title, pool.cidr.to_string(), String::new(), total, in_use, reserved, free]);
        for block in pool.blocks.iter().filter(|_| show_blocks) {
            let numbers = [block.capacity, block.in_use, block.reserved, block.available];
            let [total, in_use, reserved, free] = numbers.map(|number| number.to_string());
            let owner = block.owner.clone().unwrap_or_else(|| "-".to_owned());
            table.row(["Block".to_owned(), block.cidr.to_string(), owner, total, in_use, reserved, free]);
        }
    }
    table.to_string()
}

/// Counts of IPv6 pools do not fit into the numbers of JSON, and are texts there.
fn pool_json(pool: &PoolUse, show_blocks: bool) -> Value {
    let count = |count: u128| u64::try_from(count).map_or_else(|_| json!(count.to_string()), Value::from);
    let mut value = json!({
        "name": pool.name, "cidr": pool.cidr.to_string(), "total": count(pool.capacity),
        "in_use": count(pool.in_use), "reserved": count(pool.reserved), "free": count(pool.available),
    });
    if show_blocks {
        let blocks = pool.blocks.iter().map(|block| {
            json!({
                "cidr": block.cidr.to_string(), "node": block.owner, "total": count(block.capacity),
                "in_use": count(block.in_use), "reserved": count(block.reserved), "free": count(block.available),
            })
        });
        value["blocks"] = blocks.collect();
    }
    value
}

pub(super) fn address(
    connection: &ConnectionArguments,
    address: IpAddr,
    as_json: bool,
    out: &mut impl Write,
) -> Result<ExitCode, RunError> {
    let found = with_ipam(connection, async |ipam| match ipam.address_info(address).await {
        Ok(info) => Ok(Some(info)),
        Err(IpamError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    })?;
    match found {
        Some(info) if as_json => writeln!(out, "{:#}", info_json(address, &info))?,
        Some(info) => out.write_all(describe(address, &info).as_bytes())?,
        None if as_json => writeln!(out, "{:#}", json!({"address": address, "in_use": false}))?,
        None => writeln!(out, "{address} is not in use")?,
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(address: IpAddr, info: &AddressInfo) -> String {
    let attributes = |attributes: &BTreeMap<String, String>| -> String {
        attributes.iter().map(|(key, value)| format!("  {key}: {value}\n")).collect()
    };
    let mut text = format!("{address} is in use\n");
    if let Some(handle) = &info.handle {
        text += &format!("  handle: {handle}\n");
    }
    text += &attributes(&info.active_owner);
    if !info.alternate_owner.is_empty() {
        text += "  alternate owner:\n";
        text += &attributes(&info.alternate_owner);
    }
    text
}

fn info_json(address: IpAddr, info: &AddressInfo) -> Value {
    json!({
        "address": address, "in_use": true, "handle": info.handle, "owner": info.active_owner,
        "alternate_owner": info.alternate_owner, "sequence": info.sequence,
    })
}

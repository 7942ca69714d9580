//! Files about the endpoints of the node: which workloads have a BGP peer.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ipnet::IpNet;
use margay_render::LocalWorkload;
use serde::Deserialize;

/// One file. Other fields are the business of other programs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EndpointFile {
    #[serde(default)]
    bgp_peer_name: String,
    #[serde(default)]
    ipv4_nets: Vec<String>,
    #[serde(default)]
    ipv6_nets: Vec<String>,
}

/// The workloads with a BGP peer, and what is wrong with files. A folder that does not exist has none.
pub(crate) fn read(folder: &Path) -> (BTreeSet<LocalWorkload>, Vec<String>) {
    let mut workloads = BTreeSet::new();
    let mut problems = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(octets) = fs::read(&path) else { continue };
        match workload_of(&octets) {
            Ok(workload) => workloads.extend(workload),
            Err(why) => problems.push(format!("{}: {why}", path.display())),
        }
    }
    problems.sort();
    (workloads, problems)
}

fn workload_of(octets: &[u8]) -> Result<Option<LocalWorkload>, String> {
    let file: EndpointFile = serde_json::from_slice(octets).map_err(|error| error.to_string())?;
    if file.bgp_peer_name.is_empty() {
        return Ok(None);
    }
    let networks: Result<Vec<IpNet>, _> =
        file.ipv4_nets.iter().chain(&file.ipv6_nets).map(|text| text.parse()).collect();
    let networks = networks.map_err(|error| error.to_string())?;
    Ok(Some(LocalWorkload { peer: file.bgp_peer_name, networks }))
}

#[cfg(test)]
mod tests {
    use super::workload_of;

    #[test]
    fn only_endpoints_with_a_peer_count_and_broken_files_are_said() {
        let with = br#"{"ifaceName":"cali1","ipv4Nets":["10.0.0.1/32"],"ipv6Nets":[],"bgpPeerName":"rack"}"#;
        let workload = workload_of(with).unwrap().unwrap();
        assert_eq!((workload.peer.as_str(), workload.networks.len()), ("rack", 1));
        assert_eq!(workload_of(br#"{"ifaceName":"cali1","ipv4Nets":["10.0.0.1/32"]}"#), Ok(None));
        assert!(workload_of(b"{").is_err());
        assert!(workload_of(br#"{"bgpPeerName":"rack","ipv4Nets":["10.0.0.300/32"]}"#).is_err());
    }
}

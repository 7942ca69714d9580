//! `margay node status`: the sessions of this node, as calicoctl shows them.

use std::io::Write;
use std::process::ExitCode;

use margay_control::{PeerState, PeerSummary, Peers, Request};

use crate::arguments::Arguments;
use crate::arguments::objects::{FamilyArgument, NodeCommand};
use crate::client::{Client, Server, understand};
use crate::run_error::RunError;
use crate::table::{Align, Table};
use crate::view::time_span;

pub(crate) fn run(
    command: &NodeCommand,
    arguments: &Arguments,
    out: &mut impl Write,
) -> Result<ExitCode, RunError> {
    let NodeCommand::Status { family } = command;
    let answer = Client::new(Server::MARGAYD, &arguments.socket)?.ask(&Request::Peers)?;
    if arguments.json {
        writeln!(out, "{answer:#}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let peers: Peers = understand(answer)?;
    out.write_all(view(&peers, *family).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn view(peers: &Peers, family: Option<FamilyArgument>) -> String {
    let mut text = "margayd is running.\n".to_owned();
    for (wanted, title, is_ipv4) in
        [(FamilyArgument::Ipv4, "IPv4", true), (FamilyArgument::Ipv6, "IPv6", false)]
    {
        if family.is_some_and(|family| family != wanted) {
            continue;
        }
        let peers: Vec<&PeerSummary> =
            peers.peers.iter().filter(|peer| peer.address.is_ipv4() == is_ipv4).collect();
        text += &format!("\n{title} BGP status\n");
        text += &if peers.is_empty() { format!("No {title} peers found.\n") } else { table(&peers) };
    }
    text
}

fn table(peers: &[&PeerSummary]) -> String {
    let mut table = Table::new([
        ("PEER ADDRESS", Align::Left),
        ("PEER TYPE", Align::Left),
        ("STATE", Align::Left),
        ("SINCE", Align::Right),
        ("INFO", Align::Left),
    ]);
    for peer in peers {
        table.row([
            peer.address.to_string(),
            peer_type(&peer.name).to_owned(),
            if peer.state == PeerState::Established { "up" } else { "start" }.to_owned(),
            time_span(peer.since_seconds),
            info(peer),
        ]);
    }
    table.to_string()
}

/// What the name says that confd gives to a session.
fn peer_type(name: &str) -> &'static str {
    match name.split_once('_').map(|(prefix, _)| prefix) {
        Some("Mesh") => "node-to-node mesh",
        Some("Global") => "global",
        Some("Node") => "node specific",
        Some("Local") => "local workload",
        _ => "configured",
    }
}

fn info(peer: &PeerSummary) -> String {
    match &peer.last_error {
        Some(error) if peer.state != PeerState::Established => format!("{} ({error})", peer.state),
        _ => peer.state.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn peer(name: &str, address: &str, state: &str, error: Option<&str>) -> serde_json::Value {
        json!({
            "name": name, "address": address, "remote_asn": 64512, "role": "client", "description": null,
            "state": state, "since_seconds": 65, "uptime_seconds": null,
            "prefixes": {"received": 0, "accepted": 0, "advertised": 0},
            "messages": {"received": 0, "sent": 0, "updates_received": 0, "updates_sent": 0}, "last_error": error, "export_groups": [],
        })
    }

    #[test]
    fn sessions_are_shown_by_family_and_kind() {
        let peers = json!({"peers": [
            peer("Mesh_10_0_0_2", "10.0.0.2", "established", None),
            peer("Global_10_0_0_9", "10.0.0.9", "active", Some("connection refused")),
            peer("tor", "10.0.0.254", "idle", None),
        ]});
        let peers: Peers = serde_json::from_value(peers).unwrap();
        assert_eq!(
            view(&peers, None),
            "\
margayd is running.

IPv4 BGP status
PEER ADDRESS  PEER TYPE          STATE  SINCE  INFO
10.0.0.2      node-to-node mesh  up     1m05s  Established
10.0.0.9      global             start  1m05s  Active (connection refused)
10.0.0.254    configured         start  1m05s  Idle

IPv6 BGP status
No IPv6 peers found.
"
        );
        assert!(!view(&peers, Some(FamilyArgument::Ipv6)).contains("IPv4"));
    }
}

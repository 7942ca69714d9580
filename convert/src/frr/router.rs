//! The lines of `router bgp`.

use crate::model::{DynamicRange, Network};
use crate::remark::RemarkKind;

use super::{Context, Line, Reader};

impl Reader {
    pub(super) fn router_line(&mut self, line: &Line<'_>) {
        let family = match &self.context {
            Context::Family(family) => *family,
            _ => Some("ipv4-unicast"),
        };
        let Some(family) = family else {
            self.left_out(line);
            return;
        };
        match line.words.as_slice() {
            ["neighbor", name, rest @ ..] => {
                if !self.neighbor_line(name, rest, family, line.number) {
                    self.left_out(line);
                }
            }
            ["no", "neighbor", name, "activate"] => self.neighbors.activate(name, family, false),
            ["bgp", "router-id", address] => self.draft.speaker.router_id = address.parse().ok(),
            ["bgp", "confederation", "identifier", asn] => {
                self.draft.speaker.confederation.identifier = asn.parse().ok();
            }
            ["bgp", "confederation", "peers", asns @ ..] => {
                let members = asns.iter().filter_map(|asn| asn.parse::<u32>().ok());
                self.draft.speaker.confederation.members.extend(members);
            }
            ["bgp", "cluster-id", address] => self.draft.speaker.cluster_id = address.parse().ok(),
            ["no", "bgp", "client-to-client", "reflection"] => {
                self.draft.speaker.client_to_client = Some(false)
            }
            ["no", "bgp", "ebgp-requires-policy"] => self.requires_policy = false,
            ["bgp", "ebgp-requires-policy"] => self.requires_policy = true,
            ["no", "bgp", "network", "import-check"] => self.checks_networks = false,
            ["bgp", "network", "import-check"] => self.checks_networks = true,
            ["no", "bgp", "default", "ipv4-unicast"] => self.neighbors.activates_ipv4 = false,
            ["bgp", "listen", "range", range, "peer-group", group] => match range.parse::<ipnet::IpNet>() {
                Ok(range) => {
                    let group = crate::model::name(group);
                    self.draft.speaker.ranges.push(DynamicRange { range: range.trunc(), group, limit: None });
                }
                Err(_) => self.left_out(line),
            },
            ["bgp", "listen", "limit", limit] => self.neighbors.listen_limit = limit.parse().ok(),
            ["timers", "bgp", _, hold] => self.neighbors.hold_seconds = hold.parse().ok(),
            ["network", prefix, rest @ ..] => match prefix.parse::<ipnet::IpNet>() {
                Ok(net) => {
                    let network = Network { hold: None, require_route: self.checks_networks };
                    self.draft.speaker.networks.insert(net.trunc(), network);
                    if !rest.is_empty() {
                        self.left_out(line);
                    }
                }
                Err(_) => self.left_out(line),
            },
            ["redistribute", source, rest @ ..] => self.redistribute(source, rest, line),
            ["maximum-paths", "ibgp", paths] | ["maximum-paths", paths] => {
                let multipath = paths.parse::<u8>().ok().map(|paths| paths.clamp(1, 128));
                if let Some(kernel) = &mut self.draft.speaker.kernel {
                    kernel.multipath = multipath.max(kernel.multipath);
                }
            }
            ["bgp", words @ ..] if self.neighbors.restart.line(words) => {}
            ["bgp", "log-neighbor-changes" | "bestpath" | "deterministic-med" | "graceful-restart", ..]
            | [
                "no",
                "bgp",
                "suppress-duplicates" | "fast-external-failover" | "hard-administrative-reset",
                ..,
            ] => {
                let text = format!("{:?} is left to margay", line.words.join(" "));
                self.remark(line.number, RemarkKind::Note, text);
            }
            _ => self.left_out(line),
        }
    }

    fn redistribute(&mut self, source: &str, rest: &[&str], line: &Line<'_>) {
        match source {
            "connected" => self.import_kernel(&["kernel"]),
            "kernel" => self.import_kernel(&["boot", "dhcp", "ra"]),
            "static" => {
                self.redistributes_static = true;
                self.import_kernel(&["static"]);
            }
            _ => {
                self.left_out(line);
                return;
            }
        }
        if !rest.is_empty() {
            let text = "a route map of redistribute belongs in the export filters of the peers";
            self.remark(line.number, RemarkKind::LeftOut, text);
        }
    }
}

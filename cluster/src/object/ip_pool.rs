//! IP pools: addresses that are given out, and how packets to them travel.

use ipnet::IpNet;
use serde_json::Value;

use crate::object::object;
use crate::schema::{Report, choice, record};
use crate::selector::Selector;
use crate::value::Network;

object! {
    /// Addresses that workloads, tunnels and load balancers get.
    pub struct IpPool { spec: IpPoolSpec, status: Value, defaults }
}

record! {
    /// Which addresses, for what, and how packets to them travel.
    pub struct IpPoolSpec checked {
        /// The addresses.
        "cidr" => cidr: Network,
        /// Which packets to other nodes travel through VXLAN.
        "vxlanMode" => vxlan_mode: EncapsulationMode = EncapsulationMode::Never,
        /// Which packets to other nodes travel through IPIP.
        "ipipMode" => ipip_mode: EncapsulationMode = EncapsulationMode::Never,
        /// Whether packets that leave the pools get the node's address.
        "natOutgoing" => nat_outgoing: bool,
        /// Whether nothing more is given out.
        "disabled" => disabled: bool,
        /// Whether its routes are not advertised.
        "disableBGPExport" => disable_bgp_export: bool,
        /// The length of the blocks that nodes get; 26 for IPv4 and 122 for IPv6 when it is not given.
        "blockSize" => block_size: Option<u8>,
        /// The nodes that get addresses; all when it is not given.
        "nodeSelector" => node_selector: Option<Selector>,
        /// The namespaces whose workloads get addresses; all when it is not given.
        "namespaceSelector" => namespace_selector: Option<Selector>,
        /// What addresses are for; workloads and tunnels when it is empty.
        "allowedUses" => allowed_uses: Vec<AllowedUse>,
        /// Whether requests that name no pool get addresses of this one.
        "assignmentMode" => assignment_mode: AssignmentMode = AssignmentMode::Automatic,
        /// Of an old version; not allowed.
        "ipip" => old_ipip: Option<Value>,
        /// Of an old version; not allowed.
        "nat-outgoing" => old_nat_outgoing: bool,
    }
}

choice! {
    /// Which packets between nodes are encapsulated.
    pub enum EncapsulationMode {
        /// None.
        Never = "Never",
        /// All.
        Always = "Always",
        /// Those that leave the node's subnet.
        CrossSubnet = "CrossSubnet",
    }
}

choice! {
    /// What addresses of a pool are for.
    pub enum AllowedUse {
        /// Workloads.
        Workload = "Workload",
        /// The nodes' tunnel devices.
        Tunnel = "Tunnel",
        /// Load balancers; a pool for these is for nothing else.
        LoadBalancer = "LoadBalancer",
    }
}

choice! {
    /// Which requests get addresses of a pool.
    pub enum AssignmentMode {
        /// All that the selectors allow.
        Automatic = "Automatic",
        /// Those that name the pool.
        Manual = "Manual",
    }
}

impl IpPoolSpec {
    /// The length of the blocks that nodes get.
    #[must_use]
    pub fn effective_block_size(&self) -> u8 {
        let by_family = if self.cidr.addr().is_ipv4() { 26 } else { 122 };
        self.block_size.filter(|&size| size != 0).unwrap_or(by_family)
    }

    /// Whether addresses of the pool are for this.
    #[must_use]
    pub fn allows(&self, wanted: AllowedUse) -> bool {
        match self.allowed_uses[..] {
            [] => wanted != AllowedUse::LoadBalancer,
            _ => self.allowed_uses.contains(&wanted),
        }
    }

    fn check(&self, report: &mut Report<'_, '_, '_>) {
        self.check_network(report);
        self.check_encapsulation(report);
        self.check_uses(report);
        for (field, selector) in
            [("nodeSelector", &self.node_selector), ("namespaceSelector", &self.namespace_selector)]
        {
            if selector.as_ref().is_some_and(Selector::has_global) {
                report.problem(field, "has global(), which only the namespaceSelector of a rule may have");
            }
        }
        if self.old_ipip.is_some() {
            report.problem("ipip", "is of an old version; write ipipMode");
        }
        if self.old_nat_outgoing {
            report.problem("nat-outgoing", "is of an old version; write natOutgoing");
        }
    }

    fn check_network(&self, report: &mut Report<'_, '_, '_>) {
        let block_size = self.effective_block_size();
        if block_size > self.cidr.max_prefix_len() {
            report.problem("blockSize", format!("must be at most {}", self.cidr.max_prefix_len()));
        } else if !self.disabled && self.cidr.prefix_len() > block_size {
            let message = format!("is smaller than a block, which has length {block_size} (blockSize)");
            report.problem("cidr", message);
        }
        let link_local = match self.cidr.0 {
            IpNet::V4(_) => "169.254.0.0/16",
            IpNet::V6(_) => "fe80::/10",
        };
        let overlaps = |other: IpNet| other.contains(&self.cidr.0) || self.cidr.contains(&other);
        if link_local.parse().is_ok_and(overlaps) {
            report.problem("cidr", format!("overlaps the link-local addresses {link_local}"));
        }
    }

    fn check_encapsulation(&self, report: &mut Report<'_, '_, '_>) {
        let (ipip, vxlan) =
            (self.ipip_mode != EncapsulationMode::Never, self.vxlan_mode != EncapsulationMode::Never);
        if ipip && self.cidr.addr().is_ipv6() {
            report.problem("ipipMode", "must be Never: IPIP carries IPv4 only; use vxlanMode");
        }
        if ipip && vxlan {
            report.problem("ipipMode", "cannot be used together with vxlanMode");
        }
        if self.allowed_uses.contains(&AllowedUse::LoadBalancer) {
            for (field, is_on) in [("ipipMode", ipip), ("vxlanMode", vxlan)] {
                if is_on {
                    report.problem(field, "must be Never in a pool for load balancers");
                }
            }
        }
    }

    fn check_uses(&self, report: &mut Report<'_, '_, '_>) {
        if self.allowed_uses.contains(&AllowedUse::LoadBalancer) {
            if self.allowed_uses.iter().any(|&other| other != AllowedUse::LoadBalancer) {
                report.problem("allowedUses", "cannot have LoadBalancer together with others");
            }
            if self.disable_bgp_export {
                report.problem("disableBGPExport", "cannot be true in a pool for load balancers");
            }
            if self.node_selector.as_ref().is_some_and(|selector| !selector.is_all()) {
                report.problem("nodeSelector", "must be all() in a pool for load balancers");
            }
        }
        let is_for_tunnels_only = self.allowed_uses[..] == [AllowedUse::Tunnel];
        if is_for_tunnels_only && self.namespace_selector.is_some() {
            report.problem("namespaceSelector", "is given, but tunnels have no namespace");
        }
    }
}

impl IpPool {
    fn set_defaults(&mut self) {
        self.spec.block_size = Some(self.spec.effective_block_size());
        self.spec.node_selector.get_or_insert_with(|| Selector::new(crate::selector::Expression::All));
        if self.spec.allowed_uses.is_empty() {
            self.spec.allowed_uses = vec![AllowedUse::Workload, AllowedUse::Tunnel];
        }
    }
}

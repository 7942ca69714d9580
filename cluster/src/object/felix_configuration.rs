//! Settings of the node agent, which Calico calls Felix.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use crate::document::Node;
use crate::object::{ClusterRoutes, Switch, object};
use crate::schema::{Decoder, Report, Schema, choice, integer, record, text};
use crate::value::{
    Dscp, InterfaceFilter, InterfaceMatch, InterfaceName, KeyValueList, LooseNetwork, Pattern, Port, Span,
    is_dns_label,
};

object! {
    /// Settings of the node agent for all nodes (`default`) or for one (`node.NAME`).
    pub struct FelixConfiguration { spec: FelixConfigurationSpec, status: Value }
}

record! {
    /// Settings of the node agent. What is not given has the agent's own default.
    pub struct FelixConfigurationSpec checked {
        /// Whether the agent writes to the kernel itself.
        "useInternalDataplaneDriver" => use_internal_dataplane_driver: Option<bool>,
        /// The program that writes to the kernel instead.
        "dataplaneDriver" => dataplane_driver: Option<String>,
        /// The time after which a silent writer counts as stuck.
        "dataplaneWatchdogTimeout" => dataplane_watchdog_timeout: Option<Span>,
        /// Whether IPv6 is handled.
        "ipv6Support" => ipv6_support: Option<bool>,
        /// The time between two comparisons of routes; 0 for none.
        "routeRefreshInterval" => route_refresh_interval: Option<Span>,
        /// The time between two comparisons of interfaces; 0 for none.
        "interfaceRefreshInterval" => interface_refresh_interval: Option<Span>,
        /// The time between two comparisons of iptables; 0 for none.
        "iptablesRefreshInterval" => iptables_refresh_interval: Option<Span>,
        /// The time after a write when iptables is read again.
        "iptablesPostWriteCheckInterval" => iptables_post_write_check_interval: Option<Span>,
        /// The lock file of iptables.
        "iptablesLockFilePath" => iptables_lock_file_path: Option<String>,
        /// The longest wait for the lock of iptables.
        "iptablesLockTimeout" => iptables_lock_timeout: Option<Span>,
        /// The time between two attempts to get the lock of iptables.
        "iptablesLockProbeInterval" => iptables_lock_probe_interval: Option<Span>,
        /// What the kernel is taken to have, whatever is found.
        "featureDetectOverride" => feature_detect_override: Option<KeyValueList>,
        /// Features that are tried out.
        "featureGates" => feature_gates: Option<KeyValueList>,
        /// The time between two comparisons of IP sets; 0 for none.
        "ipsetsRefreshInterval" => ipsets_refresh_interval: Option<Span>,
        /// The most addresses of an IP set.
        "maxIpsetSize" => max_ipset_size: Option<i64>,
        /// Which iptables is used.
        "iptablesBackend" => iptables_backend: Option<IptablesBackend>,
        /// The time between two comparisons of XDP; 0 for none.
        "xdpRefreshInterval" => xdp_refresh_interval: Option<Span>,
        /// The longest wait for an answer of netlink.
        "netlinkTimeout" => netlink_timeout: Option<Span>,
        /// The server that virtual machines ask for their metadata; `none` for none.
        "metadataAddr" => metadata_addr: Option<String>,
        /// The port of that server.
        "metadataPort" => metadata_port: Option<u16>,
        /// The region of OpenStack.
        "openstackRegion" => openstack_region: Option<String>,
        /// What names of workload interfaces begin with; several with commas.
        "interfacePrefix" => interface_prefix: Option<String>,
        /// Interfaces that are no host endpoints; several with commas.
        "interfaceExclude" => interface_exclude: Option<String>,
        /// Where in a chain of the kernel the own rules go.
        "chainInsertMode" => chain_insert_mode: Option<ChainInsertMode>,
        /// What happens to packets of workloads to their own node.
        "defaultEndpointToHostAction" => default_endpoint_to_host_action: Option<VerdictWithReturn>,
        /// What happens to packets that policy allows.
        "iptablesFilterAllowAction" => iptables_filter_allow_action: Option<AllowAction>,
        /// What happens in `mangle` to packets that policy allows.
        "iptablesMangleAllowAction" => iptables_mangle_allow_action: Option<AllowAction>,
        /// What happens to packets that policy denies.
        "iptablesFilterDenyAction" => iptables_filter_deny_action: Option<DenyAction>,
        /// What lines of rules that log begin with.
        "logPrefix" => log_prefix: Option<String>,
        /// How many lines are logged by rules in a time.
        "logActionRateLimit" => log_action_rate_limit: Option<String>,
        /// How many lines are logged by rules at once.
        "logActionRateLimitBurst" => log_action_rate_limit_burst: Option<i64>,
        /// The log file; `none` for none.
        "logFilePath" => log_file_path: Option<String>,
        /// What is logged to the file.
        "logSeverityFile" => log_severity_file: Option<LogLevel>,
        /// What is logged to standard output.
        "logSeverityScreen" => log_severity_screen: Option<LogLevel>,
        /// What is logged to syslog.
        "logSeveritySys" => log_severity_sys: Option<LogLevel>,
        /// Source files whose debug messages are logged.
        "logDebugFilenameRegex" => log_debug_filename_regex: Option<Pattern>,
        /// Whether there is an IPIP device; it follows from the pools when it is not given.
        "ipipEnabled" => ipip_enabled: Option<bool>,
        /// The MTU of the IPIP device.
        "ipipMTU" => ipip_mtu: Option<i64>,
        /// Whether there is a VXLAN device; it follows from the pools when it is not given.
        "vxlanEnabled" => vxlan_enabled: Option<bool>,
        /// The MTU of the VXLAN device.
        "vxlanMTU" => vxlan_mtu: Option<i64>,
        /// The MTU of the VXLAN device over IPv6.
        "vxlanMTUV6" => vxlan_mtu_v6: Option<i64>,
        /// The UDP port of VXLAN.
        "vxlanPort" => vxlan_port: Option<u16>,
        /// The network identifier of VXLAN.
        "vxlanVNI" => vxlan_vni: Option<u32>,
        /// Whether workloads may send VXLAN.
        "allowVXLANPacketsFromWorkloads" => allow_vxlan_packets_from_workloads: Option<bool>,
        /// Whether workloads may send IPIP.
        "allowIPIPPacketsFromWorkloads" => allow_ipip_packets_from_workloads: Option<bool>,
        /// The time between two reports of status; 0 for none.
        "reportingInterval" => reporting_interval: Option<Span>,
        /// How long a report counts.
        "reportingTTL" => reporting_ttl: Option<Span>,
        /// Whether the state of endpoints is reported.
        "endpointReportingEnabled" => endpoint_reporting_enabled: Option<bool>,
        /// The time before the state of an endpoint is reported again.
        "endpointReportingDelay" => endpoint_reporting_delay: Option<Span>,
        /// The folder for the state of endpoints; none when it is not given.
        "endpointStatusPathPrefix" => endpoint_status_path_prefix: Option<String>,
        /// Bits of a packet's mark that are used with iptables.
        "iptablesMarkMask" => iptables_mark_mask: Option<u32>,
        /// Whether packets that belong to no connection pass.
        "disableConntrackInvalidCheck" => disable_conntrack_invalid_check: Option<bool>,
        /// Whether health can be asked for.
        "healthEnabled" => health_enabled: Option<bool>,
        /// Where health can be asked for.
        "healthHost" => health_host: Option<String>,
        /// The port where health can be asked for.
        "healthPort" => health_port: Option<u16>,
        /// Times after which a silent part counts as stuck.
        "healthTimeoutOverrides" => health_timeout_overrides: Vec<HealthTimeoutOverride>,
        /// Whether there are metrics.
        "prometheusMetricsEnabled" => prometheus_metrics_enabled: Option<bool>,
        /// Where metrics can be asked for.
        "prometheusMetricsHost" => prometheus_metrics_host: Option<MetricsHost>,
        /// The port of metrics.
        "prometheusMetricsPort" => prometheus_metrics_port: Option<u16>,
        /// Certificate authorities of clients of the metrics.
        "prometheusMetricsCAFile" => prometheus_metrics_ca_file: Option<String>,
        /// The certificate of metrics.
        "prometheusMetricsCertFile" => prometheus_metrics_cert_file: Option<String>,
        /// The key of metrics.
        "prometheusMetricsKeyFile" => prometheus_metrics_key_file: Option<String>,
        /// Whether clients of the metrics need a certificate.
        "prometheusMetricsClientAuth" => prometheus_metrics_client_auth: Option<String>,
        /// Metrics of Go.
        "prometheusGoMetricsEnabled" => prometheus_go_metrics_enabled: Option<bool>,
        /// Metrics of the process.
        "prometheusProcessMetricsEnabled" => prometheus_process_metrics_enabled: Option<bool>,
        /// Metrics of WireGuard.
        "prometheusWireGuardMetricsEnabled" => prometheus_wire_guard_metrics_enabled: Option<bool>,
        /// Ports of nodes that policy never closes.
        "failsafeInboundHostPorts" => failsafe_inbound_host_ports: Option<Vec<ProtocolPort>>,
        /// Ports elsewhere that policy never closes for nodes.
        "failsafeOutboundHostPorts" => failsafe_outbound_host_ports: Option<Vec<ProtocolPort>>,
        /// Ports of services on nodes.
        "kubeNodePortRanges" => kube_node_port_ranges: Option<Vec<Port>>,
        /// The folder of the socket for policy of applications.
        "policySyncPathPrefix" => policy_sync_path_prefix: Option<String>,
        /// Whether use is reported.
        "usageReportingEnabled" => usage_reporting_enabled: Option<bool>,
        /// The time before the first report of use.
        "usageReportingInitialDelay" => usage_reporting_initial_delay: Option<Span>,
        /// The time between two reports of use.
        "usageReportingInterval" => usage_reporting_interval: Option<Span>,
        /// Source ports of packets that get the node's address.
        "natPortRange" => nat_port_range: Option<Port>,
        /// The address that packets out of the pools get.
        "natOutgoingAddress" => nat_outgoing_address: Option<Ipv4Addr>,
        /// Where packets keep their address.
        "natOutgoingExclusions" => nat_outgoing_exclusions: Option<NatOutgoingExclusions>,
        /// The source address of IPv4 routes to workloads.
        "deviceRouteSourceAddress" => device_route_source_address: Option<Ipv4Addr>,
        /// The source address of IPv6 routes to workloads.
        "deviceRouteSourceAddressIPv6" => device_route_source_address_ipv6: Option<Ipv6Addr>,
        /// The protocol number of routes to workloads.
        "deviceRouteProtocol" => device_route_protocol: Option<u8>,
        /// Whether routes of others to workload interfaces are removed.
        "removeExternalRoutes" => remove_external_routes: Option<bool>,
        /// Whether the node is made to forward.
        "ipForwarding" => ip_forwarding: Option<Switch>,
        /// Hosts outside that may send through tunnels.
        "externalNodesList" => external_nodes_list: Option<Vec<LooseNetwork>>,
        /// Where memory profiles go.
        "debugMemoryProfilePath" => debug_memory_profile_path: Option<String>,
        /// Whether no message of the log is left out.
        "debugDisableLogDropping" => debug_disable_log_dropping: Option<bool>,
        /// For tests.
        "debugSimulateCalcGraphHangAfter" => debug_simulate_calc_graph_hang_after: Option<Span>,
        /// For tests.
        "debugSimulateDataplaneHangAfter" => debug_simulate_dataplane_hang_after: Option<Span>,
        /// For tests.
        "debugSimulateDataplaneApplyDelay" => debug_simulate_dataplane_apply_delay: Option<Span>,
        /// Where profiles can be asked for.
        "debugHost" => debug_host: Option<String>,
        /// The port of profiles.
        "debugPort" => debug_port: Option<u16>,
        /// Interfaces where packets out of the pools get the node's address.
        "iptablesNATOutgoingInterfaceFilter" => iptables_nat_outgoing_interface_filter: Option<InterfaceFilter>,
        /// Whether traffic between a pod and its sidecar is shortened.
        "sidecarAccelerationEnabled" => sidecar_acceleration_enabled: Option<bool>,
        /// Whether XDP is used.
        "xdpEnabled" => xdp_enabled: Option<bool>,
        /// Whether XDP is used without support of the device.
        "genericXDPEnabled" => generic_xdp_enabled: Option<bool>,
        /// Whether nftables is used.
        "nftablesMode" => nftables_mode: Option<NftablesMode>,
        /// The time between two comparisons of nftables; 0 for none.
        "nftablesRefreshInterval" => nftables_refresh_interval: Option<Span>,
        /// What happens with nftables to packets that policy allows.
        "nftablesFilterAllowAction" => nftables_filter_allow_action: Option<AllowAction>,
        /// What happens with nftables in `mangle` to packets that policy allows.
        "nftablesMangleAllowAction" => nftables_mangle_allow_action: Option<AllowAction>,
        /// What happens with nftables to packets that policy denies.
        "nftablesFilterDenyAction" => nftables_filter_deny_action: Option<DenyAction>,
        /// Bits of a packet's mark that are used with nftables.
        "nftablesMarkMask" => nftables_mark_mask: Option<u32>,
        /// Whether BPF is used instead of rules.
        "bpfEnabled" => bpf_enabled: Option<bool>,
        /// BPF: whether others may not use it.
        "bpfDisableUnprivileged" => bpf_disable_unprivileged: Option<bool>,
        /// BPF: what is logged.
        "bpfLogLevel" => bpf_log_level: Option<BpfLogLevel>,
        /// BPF: what is logged of connection tracking.
        "bpfConntrackLogLevel" => bpf_conntrack_log_level: Option<BpfLogLevel>,
        /// BPF: how connections are cleaned up.
        "bpfConntrackCleanupMode" => bpf_conntrack_cleanup_mode: Option<BpfConntrackMode>,
        /// BPF: how long connections are remembered.
        "bpfConntrackTimeouts" => bpf_conntrack_timeouts: Option<Value>,
        /// BPF: packets that are logged, by interface.
        "bpfLogFilters" => bpf_log_filters: Option<BTreeMap<String, String>>,
        /// BPF: what is logged of load balancing.
        "bpfCTLBLogFilter" => bpf_ctlb_log_filter: Option<String>,
        /// BPF: interfaces to other nodes.
        "bpfDataIfacePattern" => bpf_data_iface_pattern: Option<Pattern>,
        /// BPF: tunnels to other nodes.
        "bpfL3IfacePattern" => bpf_l3_iface_pattern: Option<Pattern>,
        /// BPF: of an old version.
        "bpfConnectTimeLoadBalancingEnabled" => bpf_connect_time_load_balancing_enabled: Option<bool>,
        /// BPF: which connections are balanced when they are made.
        "bpfConnectTimeLoadBalancing" => bpf_connect_time_load_balancing: Option<BpfConnectTimeLoadBalancing>,
        /// BPF: whether nodes reach services without that.
        "bpfHostNetworkedNATWithoutCTLB" => bpf_host_networked_nat_without_ctlb: Option<Switch>,
        /// BPF: how answers to clients outside travel.
        "bpfExternalServiceMode" => bpf_external_service_mode: Option<BpfServiceMode>,
        /// BPF: clients whose answers take the way back.
        "bpfDSROptoutCIDRs" => bpf_dsr_optout_cidrs: Option<Vec<LooseNetwork>>,
        /// BPF: the mark of connections from outside.
        "bpfExtToServiceConnmark" => bpf_ext_to_service_connmark: Option<u32>,
        /// BPF: whether rules of kube-proxy are removed.
        "bpfKubeProxyIptablesCleanupEnabled" => bpf_kube_proxy_iptables_cleanup_enabled: Option<bool>,
        /// BPF: the shortest time between two changes of services.
        "bpfKubeProxyMinSyncPeriod" => bpf_kube_proxy_min_sync_period: Option<Span>,
        /// BPF: the port of health of services.
        "bpfKubeProxyHealthzPort" => bpf_kube_proxy_healthz_port: Option<u16>,
        /// BPF: of an old version.
        "bpfKubeProxyEndpointSlicesEnabled" => bpf_kube_proxy_endpoint_slices_enabled: Option<bool>,
        /// BPF: source ports for connections that collide.
        "bpfPSNATPorts" => bpf_ps_nat_ports: Option<Port>,
        /// BPF: the size of a map.
        "bpfMapSizeNATFrontend" => bpf_map_size_nat_frontend: Option<i64>,
        /// BPF: the size of a map.
        "bpfMapSizeNATBackend" => bpf_map_size_nat_backend: Option<i64>,
        /// BPF: the size of a map.
        "bpfMapSizeNATAffinity" => bpf_map_size_nat_affinity: Option<i64>,
        /// BPF: the size of a map.
        "bpfMapSizeRoute" => bpf_map_size_route: Option<i64>,
        /// BPF: the size of a map.
        "bpfMapSizeConntrack" => bpf_map_size_conntrack: Option<i64>,
        /// BPF: the size of a map.
        "bpfMapSizePerCpuConntrack" => bpf_map_size_per_cpu_conntrack: Option<i64>,
        /// BPF: whether a map grows.
        "bpfMapSizeConntrackScaling" => bpf_map_size_conntrack_scaling: Option<String>,
        /// BPF: the size of a map.
        "bpfMapSizeConntrackCleanupQueue" => bpf_map_size_conntrack_cleanup_queue: Option<i64>,
        /// BPF: the size of a map.
        "bpfMapSizeIPSets" => bpf_map_size_ip_sets: Option<i64>,
        /// BPF: the size of a map.
        "bpfMapSizeIfState" => bpf_map_size_if_state: Option<i64>,
        /// BPF: whether packets pass by the kernel's connection tracking.
        "bpfHostConntrackBypass" => bpf_host_conntrack_bypass: Option<bool>,
        /// BPF: how source addresses are checked.
        "bpfEnforceRPF" => bpf_enforce_rpf: Option<ReversePathFilter>,
        /// BPF: whether programs say which rule decided.
        "bpfPolicyDebugEnabled" => bpf_policy_debug_enabled: Option<bool>,
        /// BPF: interfaces whose packets the kernel tracks.
        "bpfForceTrackPacketsFromIfaces" => bpf_force_track_packets_from_ifaces: Option<Vec<InterfaceFilter>>,
        /// BPF: interfaces without receive offload.
        "bpfDisableGROForIfaces" => bpf_disable_gro_for_ifaces: Option<Pattern>,
        /// BPF: services that the node handles itself.
        "bpfExcludeCIDRsFromNAT" => bpf_exclude_cidrs_from_nat: Option<Vec<LooseNetwork>>,
        /// BPF: the size of a buffer.
        "bpfExportBufferSizeMB" => bpf_export_buffer_size_mb: Option<i64>,
        /// BPF: which packets go straight to the workload.
        "bpfRedirectToPeer" => bpf_redirect_to_peer: Option<BpfRedirect>,
        /// BPF: whether programs are measured.
        "bpfProfiling" => bpf_profiling: Option<Switch>,
        /// BPF: how programs are attached.
        "bpfAttachType" => bpf_attach_type: Option<BpfAttachType>,
        /// BPF: hardening of the kernel's compiler.
        "bpfJITHardening" => bpf_jit_hardening: Option<BpfJitHardening>,
        /// BPF: the most endpoints of a balanced service.
        "bpfMaglevMaxEndpointsPerService" => bpf_maglev_max_endpoints_per_service: Option<i64>,
        /// BPF: the most balanced services.
        "bpfMaglevMaxServices" => bpf_maglev_max_services: Option<i64>,
        /// What routes to workloads of other nodes follow from.
        "routeSource" => route_source: Option<RouteSource>,
        /// Routing tables that may be used.
        "routeTableRanges" => route_table_ranges: Option<Vec<RouteTableIdRange>>,
        /// Of an old version; `routeTableRanges` replaces it.
        "routeTableRange" => route_table_range: Option<RouteTableRange>,
        /// Whether no route is touched.
        "routeSyncDisabled" => route_sync_disabled: Option<bool>,
        /// Which routes between nodes the agent puts into the kernel.
        "programClusterRoutes" => program_cluster_routes: Option<ClusterRoutes>,
        /// The metric of an ordinary IPv4 route.
        "ipv4NormalRoutePriority" => ipv4_normal_route_priority: Option<RoutePriority>,
        /// The metric of an ordinary IPv6 route.
        "ipv6NormalRoutePriority" => ipv6_normal_route_priority: Option<RoutePriority>,
        /// The metric of an IPv4 route of a workload that has just moved.
        "ipv4ElevatedRoutePriority" => ipv4_elevated_route_priority: Option<RoutePriority>,
        /// The metric of an IPv6 route of a workload that has just moved.
        "ipv6ElevatedRoutePriority" => ipv6_elevated_route_priority: Option<RoutePriority>,
        /// Whether WireGuard is used.
        "wireguardEnabled" => wireguard_enabled: Option<bool>,
        /// Whether WireGuard is used for IPv6.
        "wireguardEnabledV6" => wireguard_enabled_v6: Option<bool>,
        /// Whether WireGuard uses threads.
        "wireguardThreadingEnabled" => wireguard_threading_enabled: Option<bool>,
        /// The UDP port of WireGuard.
        "wireguardListeningPort" => wireguard_listening_port: Option<u16>,
        /// The UDP port of WireGuard for IPv6.
        "wireguardListeningPortV6" => wireguard_listening_port_v6: Option<u16>,
        /// The priority of the routing rule of WireGuard.
        "wireguardRoutingRulePriority" => wireguard_routing_rule_priority: Option<i64>,
        /// The device of WireGuard.
        "wireguardInterfaceName" => wireguard_interface_name: Option<InterfaceMatch>,
        /// The device of WireGuard for IPv6.
        "wireguardInterfaceNameV6" => wireguard_interface_name_v6: Option<InterfaceMatch>,
        /// The MTU of WireGuard.
        "wireguardMTU" => wireguard_mtu: Option<i64>,
        /// The MTU of WireGuard for IPv6.
        "wireguardMTUV6" => wireguard_mtu_v6: Option<i64>,
        /// Whether traffic of nodes themselves is encrypted.
        "wireguardHostEncryptionEnabled" => wireguard_host_encryption_enabled: Option<bool>,
        /// The time between two keepalives of WireGuard; 0 for none.
        "wireguardKeepAlive" => wireguard_keep_alive: Option<Span>,
        /// The check of addresses in Amazon's cloud.
        "awsSrcDstCheck" => aws_src_dst_check: Option<AwsSourceCheck>,
        /// What happens to packets to services that do not exist.
        "serviceLoopPrevention" => service_loop_prevention: Option<LoopPrevention>,
        /// Whether workloads may send from other addresses.
        "workloadSourceSpoofing" => workload_source_spoofing: Option<SourceSpoofing>,
        /// Interfaces whose MTU the others follow.
        "mtuIfacePattern" => mtu_iface_pattern: Option<Pattern>,
        /// Whether addresses outside can stand for workloads.
        "floatingIPs" => floating_ips: Option<Switch>,
        /// Whether the firewall of Windows is opened.
        "windowsManageFirewallRules" => windows_manage_firewall_rules: Option<Switch>,
        /// Memory management of Go.
        "goGCThreshold" => go_gc_threshold: Option<AtLeastMinusOne>,
        /// The memory limit of Go.
        "goMemoryLimitMB" => go_memory_limit_mb: Option<AtLeastMinusOne>,
        /// The processors of Go.
        "goMaxProcs" => go_max_procs: Option<AtLeastMinusOne>,
        /// Whether the file of the MTU must be written before the agent is ready.
        "requireMTUFile" => require_mtu_file: Option<bool>,
        /// How addresses of the node's subnet are made reachable.
        "localSubnetL2Reachability" => local_subnet_l2_reachability: Option<String>,
        /// Whether connections of workloads that are gone are removed.
        "conntrackCleanupEnabled" => conntrack_cleanup_enabled: Option<bool>,
        /// Whether the collection of flow logs is logged.
        "flowLogsCollectorDebugTrace" => flow_logs_collector_debug_trace: Option<bool>,
        /// The time between two writes of flow logs.
        "flowLogsFlushInterval" => flow_logs_flush_interval: Option<Span>,
        /// The server for flow logs.
        "flowLogsGoldmaneServer" => flow_logs_goldmane_server: Option<String>,
        /// Whether flow logs are served locally.
        "flowLogsLocalReporter" => flow_logs_local_reporter: Option<Switch>,
        /// Whether flow logs follow changes of policy.
        "flowLogsPolicyEvaluationMode" => flow_logs_policy_evaluation_mode: Option<String>,
        /// Whether a mesh without sidecars is supported.
        "istioAmbientMode" => istio_ambient_mode: Option<Switch>,
        /// The code point of packets of a mesh.
        "istioDSCPMark" => istio_dscp_mark: Option<Dscp>,
        /// Where control groups are.
        "cgroupV2Path" => cgroup_v2_path: Option<String>,
    }
}

choice! {
    /// What is logged: this and what is worse.
    pub enum LogLevel in any case {
        /// Everything, inner steps too.
        Trace = "Trace",
        /// Everything that helps to find a fault.
        Debug = "Debug",
        /// What happens.
        Info = "Info",
        /// What may be wrong.
        Warning = "Warning",
        /// What is wrong.
        Error = "Error",
        /// What ends the program.
        Fatal = "Fatal",
    }
}

choice! {
    /// Which iptables is used.
    pub enum IptablesBackend in any case {
        /// The one that is there.
        Auto = "Auto",
        /// The old one.
        Legacy = "Legacy",
        /// The one over nftables.
        Nft = "NFT",
    }
}

choice! {
    /// Where in a chain of the kernel the own rules go.
    pub enum ChainInsertMode in any case {
        /// First.
        Insert = "insert",
        /// Last.
        Append = "append",
    }
}

choice! {
    /// What happens to a packet.
    pub enum VerdictWithReturn in any case {
        /// It is dropped.
        Drop = "Drop",
        /// It passes.
        Accept = "Accept",
        /// Rules of others decide.
        Return = "Return",
    }
}

choice! {
    /// What happens to a packet that is allowed.
    pub enum AllowAction in any case {
        /// It passes.
        Accept = "Accept",
        /// Rules of others decide.
        Return = "Return",
    }
}

choice! {
    /// What happens to a packet that is denied.
    pub enum DenyAction in any case {
        /// It is dropped.
        Drop = "Drop",
        /// It is dropped, and its sender hears of it.
        Reject = "Reject",
    }
}

choice! {
    /// Whether nftables is used.
    pub enum NftablesMode {
        /// It is.
        Enabled = "Enabled",
        /// It is not.
        Disabled = "Disabled",
        /// It is where kube-proxy uses it.
        Auto = "Auto",
    }
}

choice! {
    /// What BPF programs log.
    pub enum BpfLogLevel in any case {
        /// Nothing.
        Off = "Off",
        /// What happens.
        Info = "Info",
        /// Everything.
        Debug = "Debug",
    }
}

choice! {
    /// How connections are cleaned up.
    pub enum BpfConntrackMode {
        /// As the kernel allows.
        Auto = "Auto",
        /// By the agent.
        Userspace = "Userspace",
        /// By a program in the kernel.
        BpfProgram = "BPFProgram",
    }
}

choice! {
    /// Which connections are balanced when they are made.
    pub enum BpfConnectTimeLoadBalancing {
        /// Those of TCP.
        Tcp = "TCP",
        /// All.
        Enabled = "Enabled",
        /// None.
        Disabled = "Disabled",
    }
}

choice! {
    /// How answers to clients outside travel.
    pub enum BpfServiceMode in any case {
        /// Back the way that the request came.
        Tunnel = "Tunnel",
        /// Straight to the client.
        Dsr = "DSR",
    }
}

choice! {
    /// How source addresses are checked.
    pub enum ReversePathFilter in any case {
        /// Not at all.
        Disabled = "Disabled",
        /// The way back leads through the same interface.
        Strict = "Strict",
        /// There is a way back.
        Loose = "Loose",
    }
}

choice! {
    /// Which packets go straight to the workload.
    pub enum BpfRedirect {
        /// Those from other devices, tunnels too.
        Enabled = "Enabled",
        /// None.
        Disabled = "Disabled",
        /// Those from devices of layer 2.
        L2Only = "L2Only",
    }
}

choice! {
    /// How BPF programs are attached.
    pub enum BpfAttachType in any case {
        /// With a queueing discipline.
        Tc = "TC",
        /// With a link.
        Tcx = "TCX",
    }
}

choice! {
    /// Hardening of the kernel's compiler for BPF.
    pub enum BpfJitHardening {
        /// As the agent sees fit.
        Auto = "Auto",
        /// As the kernel has it, the strictest grade too.
        Strict = "Strict",
    }
}

choice! {
    /// What routes to workloads of other nodes follow from.
    pub enum RouteSource in any case {
        /// The workloads' addresses.
        WorkloadIps = "WorkloadIPs",
        /// The blocks of the nodes.
        CalicoIpam = "CalicoIPAM",
    }
}

choice! {
    /// The check of addresses in Amazon's cloud.
    pub enum AwsSourceCheck {
        /// As it is.
        DoNothing = "DoNothing",
        /// On.
        Enable = "Enable",
        /// Off.
        Disable = "Disable",
    }
}

choice! {
    /// What happens to packets to services that do not exist.
    pub enum LoopPrevention {
        /// They are dropped.
        Drop = "Drop",
        /// They are dropped, and their sender hears of it.
        Reject = "Reject",
        /// They travel on.
        Disabled = "Disabled",
    }
}

choice! {
    /// Whether workloads may send from other addresses.
    pub enum SourceSpoofing {
        /// They may not.
        Disabled = "Disabled",
        /// They may, from those that they ask for.
        Any = "Any",
    }
}

choice! {
    /// Where packets out of the pools keep their address.
    pub enum NatOutgoingExclusions {
        /// In the pools.
        IpPoolsOnly = "IPPoolsOnly",
        /// In the pools and on the nodes.
        IpPoolsAndHostIps = "IPPoolsAndHostIPs",
    }
}

text! {
    /// A host that metrics are served on.
    pub struct MetricsHost,
    "an address or name: 1 to 64 letters, digits, ':', '.', '_', '+' and '-'",
    |text| {
        let is_good = |octet: u8| octet.is_ascii_alphanumeric() || b":._+-".contains(&octet);
        (1..=64).contains(&text.len()) && text.bytes().all(is_good)
    }
}

record! {
    /// The time after which a silent part of the agent counts as stuck.
    pub struct HealthTimeoutOverride checked {
        /// The part.
        "name" => name: String,
        /// The time.
        "timeout" => timeout: Span,
    }
}

record! {
    /// Routing tables that may be used.
    pub struct RouteTableIdRange checked {
        /// The first.
        "min" => min: i64,
        /// The last.
        "max" => max: i64,
    }
}

record! {
    /// Routing tables that may be used, from 1 to 250.
    pub struct RouteTableRange checked {
        /// The first.
        "min" => min: i64,
        /// The last.
        "max" => max: i64,
    }
}

record! {
    /// A port that policy never closes.
    pub struct ProtocolPort checked {
        /// The protocol: TCP, UDP or SCTP.
        "protocol" => protocol: String,
        /// The port.
        "port" => port: u16,
        /// The other end; anywhere when it is not given.
        "net" => net: Option<LooseNetwork>,
    }
}

/// The metric of a route: from 1 to 2147483646.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct RoutePriority(pub u32);

/// A number from -1, which means none.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct AtLeastMinusOne(pub i64);

/// Linux has routing tables up to this one.
const MAX_TABLE: i64 = 0xffff_ffff;

/// The most routing tables that are set aside.
const MAX_TABLES: i64 = 0xffff;

/// The most ranges of ports of services: a match of iptables takes 15 ports, and a range is two.
const MAX_NODE_PORT_RANGES: usize = 7;

impl Schema for RoutePriority {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let in_range = |priority: &u32| (1..=2_147_483_646).contains(priority);
        let found = integer(node).and_then(|priority| u32::try_from(priority).ok()).filter(in_range);
        if found.is_none() {
            let message = format!("is {}; it must be a whole number from 1 to 2147483646", node.describe());
            decoder.report(node.position, message);
        }
        found.map(Self)
    }

    fn encode(&self) -> Value {
        self.0.into()
    }
}

impl Schema for AtLeastMinusOne {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let found = integer(node).and_then(|value| i64::try_from(value).ok()).filter(|&value| value >= -1);
        if found.is_none() {
            decoder
                .report(node.position, format!("is {}; it must be a whole number from -1", node.describe()));
        }
        found.map(Self)
    }

    fn encode(&self) -> Value {
        self.0.into()
    }
}

impl HealthTimeoutOverride {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        let is_good = |octet: u8| octet.is_ascii_alphanumeric() || b"_ -".contains(&octet);
        if self.name.is_empty() || !self.name.bytes().all(is_good) {
            report.problem("name", "must be letters, digits, '_', '-' and spaces");
        }
    }
}

impl RouteTableIdRange {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        if self.min > self.max {
            report.problem("max", "is smaller than min");
        }
        if self.min < 1 {
            report.problem("min", "must be at least 1");
        }
        if self.max > MAX_TABLE {
            report.problem("max", format!("must be at most {MAX_TABLE}"));
        }
    }
}

impl RouteTableRange {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        if self.min < 1 || self.max < self.min || self.max > 250 {
            report.problem("", "must be tables from 1 to 250, min not greater than max");
        }
    }
}

impl ProtocolPort {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        if !["TCP", "UDP", "SCTP"].contains(&self.protocol.to_uppercase().as_str()) {
            report.problem("protocol", "must be TCP, UDP or SCTP");
        }
    }
}

impl FelixConfigurationSpec {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        self.check_node_ports(report);
        self.check_route_tables(report);
        self.check_openstack_region(report);
        for (index, network) in self.external_nodes_list.iter().flatten().enumerate() {
            if network.0.addr().is_ipv6() {
                report.problem(&format!("externalNodesList[{index}]"), "must be an IPv4 network");
            }
        }
        for interface in self.bpf_log_filters.iter().flat_map(BTreeMap::keys) {
            if InterfaceName::new(interface.as_str()).is_none() {
                report.problem(
                    "bpfLogFilters",
                    format!("has the key {interface:?}, not the name of an interface"),
                );
            }
        }
        for (field, port) in [
            ("wireguardListeningPort", self.wireguard_listening_port),
            ("wireguardListeningPortV6", self.wireguard_listening_port_v6),
        ] {
            if port == Some(0) {
                report.problem(field, "is 0; it must be from 1 to 65535");
            }
        }
        if self.wireguard_routing_rule_priority.is_some_and(|priority| !(1..32_766).contains(&priority)) {
            report.problem("wireguardRoutingRulePriority", "must be from 1 to 32765");
        }
    }

    fn check_node_ports(&self, report: &mut Report<'_, '_, '_>) {
        let Some(ranges) = &self.kube_node_port_ranges else { return };
        if ranges.len() > MAX_NODE_PORT_RANGES {
            let message = format!("has {} ranges; it must have at most {MAX_NODE_PORT_RANGES}", ranges.len());
            report.problem("kubeNodePortRanges", message);
        }
        for (index, port) in ranges.iter().enumerate() {
            if matches!(port, Port::Named(_)) {
                report.problem(
                    &format!("kubeNodePortRanges[{index}]"),
                    "must be a port or a range, not a name",
                );
            }
        }
    }

    fn check_route_tables(&self, report: &mut Report<'_, '_, '_>) {
        if self.route_table_range.is_some() && self.route_table_ranges.is_some() {
            report.problem("routeTableRange", "cannot be given together with routeTableRanges");
        }
        let sizes = self.route_table_ranges.iter().flatten().map(|range| range.max.saturating_sub(range.min));
        let tables = sizes.fold(0_i64, |sum, size| sum.saturating_add(size).saturating_add(1));
        if tables > MAX_TABLES {
            let message = format!("has {tables} tables; it must have at most {MAX_TABLES}");
            report.problem("routeTableRanges", message);
        }
    }

    /// A region becomes part of a namespace's name.
    fn check_openstack_region(&self, report: &mut Report<'_, '_, '_>) {
        let Some(region) = &self.openstack_region else { return };
        let max = 63 - "openstack-region-".len();
        if region.len() > max {
            report.problem("openstackRegion", format!("is longer than {max} characters"));
        } else if !is_dns_label(region) {
            report.problem("openstackRegion", "must be lower case letters, digits and '-'");
        }
    }
}

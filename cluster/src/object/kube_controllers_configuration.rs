//! Settings of Calico's controllers for Kubernetes.

use serde_json::Value;

use crate::object::{Switch, object};
use crate::schema::{choice, record};
use crate::selector::Selector;
use crate::value::{Annotations, Labels, LooseNetwork, Name, Pattern, Span};

object! {
    /// Settings of Calico's controllers for Kubernetes; one object, `default`.
    pub struct KubeControllersConfiguration { spec: KubeControllersConfigurationSpec, status: Value }
}

record! {
    /// Settings of the controllers.
    pub struct KubeControllersConfigurationSpec {
        /// What is logged.
        "logSeverityScreen" => log_severity_screen: Option<KubeControllersLogLevel>,
        /// Whether health can be asked for.
        "healthChecks" => health_checks: Switch = Switch::Enabled,
        /// The time between two compactions of etcd; 0 for none.
        "etcdV3CompactionPeriod" => etcd_v3_compaction_period: Option<Span>,
        /// The port of metrics; 0 for none.
        "prometheusMetricsPort" => prometheus_metrics_port: Option<u16>,
        /// The controllers.
        "controllers" => controllers: Controllers,
        /// The port of profiles; none when it is not given.
        "debugProfilePort" => debug_profile_port: Option<u16>,
    }
}

choice! {
    /// What is logged: this and what is worse.
    pub enum KubeControllersLogLevel {
        /// Nothing.
        None = "None",
        /// Everything.
        Debug = "Debug",
        /// What happens.
        Info = "Info",
        /// What may be wrong.
        Warning = "Warning",
        /// What is wrong.
        Error = "Error",
        /// What ends the program.
        Fatal = "Fatal",
        /// What ends the program at once.
        Panic = "Panic",
    }
}

record! {
    /// The controllers; one that is not given is off.
    pub struct Controllers {
        /// For nodes that are gone, and host endpoints of those that are there.
        "node" => node: Option<NodeController>,
        /// For network policies.
        "policy" => policy: Option<ControllerSettings>,
        /// For labels of workload endpoints.
        "workloadEndpoint" => workload_endpoint: Option<ControllerSettings>,
        /// For service accounts.
        "serviceAccount" => service_account: Option<ControllerSettings>,
        /// For namespaces.
        "namespace" => namespace: Option<ControllerSettings>,
        /// For addresses of load balancers.
        "loadBalancer" => load_balancer: Option<LoadBalancerController>,
        /// For names of policies of an old version.
        "policyMigration" => policy_migration: Option<PolicyMigration>,
    }
}

record! {
    /// A controller that compares now and then.
    pub struct ControllerSettings {
        /// The time between two comparisons.
        "reconcilerPeriod" => reconciler_period: Option<Span>,
    }
}

record! {
    /// The controller of nodes.
    pub struct NodeController {
        /// The time between two comparisons.
        "reconcilerPeriod" => reconciler_period: Option<Span>,
        /// Whether nodes get the labels that they have in Kubernetes.
        "syncLabels" => sync_labels: Option<Switch>,
        /// Host endpoints that are made for nodes.
        "hostEndpoint" => host_endpoint: Option<AutoHostEndpoint>,
        /// The age from which an address without an owner is released; 0 for never.
        "leakGracePeriod" => leak_grace_period: Option<Span>,
    }
}

record! {
    /// Host endpoints that are made for nodes.
    pub struct AutoHostEndpoint {
        /// Whether they are made.
        "autoCreate" => auto_create: Option<Switch>,
        /// Whether each node gets one for all its interfaces.
        "createDefaultHostEndpoint" => create_default_host_endpoint: Option<Switch>,
        /// Others.
        "templates" => templates: Vec<HostEndpointTemplate>,
    }
}

record! {
    /// Host endpoints for some interfaces of some nodes.
    pub struct HostEndpointTemplate {
        /// The end of their names.
        "generateName" => generate_name: Option<Name>,
        /// Networks of the addresses that they have.
        "interfaceCIDRs" => interface_cidrs: Vec<LooseNetwork>,
        /// The names of the interfaces.
        "interfacePattern" => interface_pattern: Option<Pattern>,
        /// Their labels.
        "labels" => labels: Labels,
        /// Their annotations.
        "annotations" => annotations: Annotations,
        /// The nodes.
        "nodeSelector" => node_selector: Option<Selector>,
    }
}

record! {
    /// The controller of load balancers.
    pub struct LoadBalancerController {
        /// Which services get addresses.
        "assignIPs" => assign_ips: AssignIps = AssignIps::AllServices,
    }
}

choice! {
    /// Which services get addresses.
    pub enum AssignIps {
        /// All.
        AllServices = "AllServices",
        /// Those that ask.
        RequestedServicesOnly = "RequestedServicesOnly",
    }
}

record! {
    /// The controller of names of an old version.
    pub struct PolicyMigration {
        /// Whether it is on.
        "enabled" => enabled: Switch = Switch::Enabled,
    }
}

//! Endpoints of the node itself.

use std::sync::Arc;

use margay_cluster::object::AnyObject;
use margay_cluster::value::Name;

/// An endpoint of the node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct LocalEndpoint {
    pub(super) kind: EndpointKind,
    /// The interface on the node; `None` for a host endpoint that is found by its addresses.
    pub(super) interface: Option<String>,
    /// Its profiles, in order.
    pub(super) profiles: Vec<Arc<str>>,
}

/// Whose interface an endpoint is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum EndpointKind {
    Workload,
    Host,
}

impl LocalEndpoint {
    /// The endpoint that an object is, if it is one of `node`, or of any node when there is none.
    pub(super) fn of(object: &AnyObject, node: Option<&str>) -> Option<Self> {
        let is_here = |own: Option<&str>| node.is_none_or(|node| own == Some(node));
        let names = |names: &[Name]| names.iter().map(|name| name.as_str().into()).collect();
        match object {
            AnyObject::WorkloadEndpoint(endpoint) if is_here(endpoint.spec.node.as_deref()) => Some(Self {
                kind: EndpointKind::Workload,
                interface: Some(endpoint.spec.interface_name.as_str().to_owned()),
                profiles: names(&endpoint.spec.profiles),
            }),
            AnyObject::HostEndpoint(endpoint) if is_here(endpoint.spec.node.as_deref()) => Some(Self {
                kind: EndpointKind::Host,
                interface: endpoint.spec.interface_name.as_ref().map(|name| name.as_str().to_owned()),
                profiles: names(&endpoint.spec.profiles),
            }),
            _ => None,
        }
    }
}

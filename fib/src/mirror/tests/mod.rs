//! The mirror without a kernel.

mod answers;

use bgp_codec::Prefix;
use margay_forwarding::{Discard, Forwarding, ForwardingChange};

use crate::options::FibOptions;

/// The options of a configuration without any settings.
pub(crate) fn options() -> FibOptions {
    FibOptions {
        tables: vec![254],
        protocol: 186,
        metric: 1024,
        sources: [None, None],
        onlink: Vec::new(),
        imports: Vec::new(),
        nexthop_objects: true,
        resolve_via_default: false,
    }
}

pub(crate) fn prefix(text: &str) -> Prefix {
    text.parse().expect("a prefix")
}

pub(crate) fn blackhole() -> Forwarding {
    Forwarding::discard(Discard::Blackhole)
}

pub(crate) fn wanted(text: &str, forwarding: Forwarding) -> ForwardingChange {
    ForwardingChange { prefix: prefix(text), forwarding: Some(forwarding) }
}

pub(crate) fn unwanted(text: &str) -> ForwardingChange {
    ForwardingChange { prefix: prefix(text), forwarding: None }
}

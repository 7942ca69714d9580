//! A prefix that a router originates, and its attributes.

use ipnet::IpNet;

/// A prefix that a router originates.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) prefix: IpNet,
    /// MULTI_EXIT_DISC.
    pub(crate) med: Option<u32>,
    /// As `65001:100`.
    pub(crate) communities: Vec<String>,
    /// As `65001:1:2` (RFC 8092).
    pub(crate) large_communities: Vec<String>,
}

impl Network {
    /// A prefix without optional attributes.
    ///
    /// # Panics
    ///
    /// The text is not a prefix; scenarios have constants.
    pub(crate) fn new(prefix: &str) -> Self {
        let prefix = prefix.parse().expect("a scenario names prefixes");
        Self { prefix, med: None, communities: Vec::new(), large_communities: Vec::new() }
    }

    /// Whether it has optional attributes.
    pub(crate) fn is_plain(&self) -> bool {
        self.med.is_none() && self.communities.is_empty() && self.large_communities.is_empty()
    }
}

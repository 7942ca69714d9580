//! The names of workload endpoints, which are made of what identifies them.

use crate::object::WorkloadEndpointSpec;
use crate::value::{Name, is_dns_subdomain};

/// What identifies a workload endpoint: its name is `node-orchestrator-workload-endpoint`, with each `-` inside of a
/// part doubled.
///
/// The third part is the pod for `k8s`, the container for `cni`, and the workload for others. A name whose last parts
/// are missing ends in `-` and is the prefix of those that have them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EndpointName {
    /// The node.
    pub node: String,
    /// The orchestrator.
    pub orchestrator: String,
    /// Pod, container or workload.
    pub workload: String,
    /// The interface inside of the workload.
    pub endpoint: String,
}

/// Why something is not the name of a workload endpoint.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EndpointNameError {
    /// A part is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A part begins or ends with a dash, which could not be distinguished from the dashes between parts.
    #[error("{0} begins or ends with '-'")]
    Dash(&'static str),
    /// The name has more parts than there are.
    #[error("there are more than four parts")]
    TooManyParts,
    /// The name is not one.
    #[error("it is not a name")]
    NotAName,
}

impl EndpointName {
    /// The identity of an endpoint, from its spec.
    #[must_use]
    pub fn of(spec: &WorkloadEndpointSpec) -> Self {
        let text = |name: &Option<Name>| name.as_deref().map(ToOwned::to_owned).unwrap_or_default();
        let orchestrator = text(&spec.orchestrator);
        let workload = match orchestrator.as_str() {
            "k8s" => text(&spec.pod),
            "cni" => spec.container_id.as_deref().map(ToOwned::to_owned).unwrap_or_default(),
            _ => text(&spec.workload),
        };
        Self { node: text(&spec.node), orchestrator, workload, endpoint: text(&spec.endpoint) }
    }

    /// The field of a spec that the third part of a name is.
    #[must_use]
    pub fn workload_field(orchestrator: &str) -> &'static str {
        match orchestrator {
            "k8s" => "pod",
            "cni" => "containerID",
            _ => "workload",
        }
    }

    /// The name.
    ///
    /// # Errors
    ///
    /// The first part that is missing, or that cannot stand in a name.
    pub fn build(&self) -> Result<String, EndpointNameError> {
        let mut parts = Vec::new();
        for (field, part) in self.parts() {
            if part.is_empty() {
                return Err(EndpointNameError::Missing(field));
            }
            parts.push(escaped(field, part)?);
        }
        Ok(parts.join("-"))
    }

    /// The start of all names with the parts that are given, up to the first that is not.
    ///
    /// # Errors
    ///
    /// When the node is missing, or a part cannot stand in a name.
    pub fn build_prefix(&self) -> Result<String, EndpointNameError> {
        if self.node.is_empty() {
            return Err(EndpointNameError::Missing("node"));
        }
        let mut name = String::new();
        for (number, (field, part)) in self.parts().into_iter().enumerate() {
            if part.is_empty() {
                return Ok(name + "-");
            }
            name += if number == 0 { "" } else { "-" };
            name += &escaped(field, part)?;
        }
        Ok(name)
    }

    /// Reads a name, or the prefix of names; parts that it does not have are empty.
    ///
    /// # Errors
    ///
    /// When it is neither.
    pub fn parse(name: &str) -> Result<Self, EndpointNameError> {
        if name.is_empty() {
            return Err(EndpointNameError::Missing("node"));
        }
        let mut parts = split(name).into_iter();
        let mut next = || parts.next().unwrap_or_default();
        let parsed = Self { node: next(), orchestrator: next(), workload: next(), endpoint: next() };
        match parts.next() {
            None => Ok(parsed),
            Some(_) => Err(EndpointNameError::TooManyParts),
        }
    }

    /// Whether a name is the one of this identity, or, when its last parts are not given, begins with those that are.
    ///
    /// # Errors
    ///
    /// As in [`EndpointName::build_prefix`].
    pub fn matches(&self, name: &str) -> Result<bool, EndpointNameError> {
        let prefix = self.build_prefix()?;
        let is_whole = self.parts().iter().all(|(_, part)| !part.is_empty());
        Ok(if is_whole { name == prefix } else { name.starts_with(&prefix) })
    }

    fn parts(&self) -> [(&'static str, &str); 4] {
        [
            ("node", &self.node),
            ("orchestrator", &self.orchestrator),
            (Self::workload_field(&self.orchestrator), &self.workload),
            ("endpoint", &self.endpoint),
        ]
    }
}

fn escaped(field: &'static str, part: &str) -> Result<String, EndpointNameError> {
    if part.starts_with('-') || part.ends_with('-') {
        return Err(EndpointNameError::Dash(field));
    }
    if !is_dns_subdomain(&part.to_ascii_lowercase()) {
        return Err(EndpointNameError::NotAName);
    }
    Ok(part.replace('-', "--"))
}

/// Splits at single dashes, and makes one of two.
fn split(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, parts.last_mut()) {
            ('-', Some(part)) if rest.next_if_eq(&'-').is_some() => part.push('-'),
            ('-', _) => parts.push(String::new()),
            (c, Some(part)) => part.push(c),
            (_, None) => {}
        }
    }
    parts
}

//! The variables that a runtime sets.

use std::collections::BTreeMap;

use crate::cni_error::{CniError, code};
use crate::command::Command;

/// The variables of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Environment {
    /// What is asked for.
    pub command: Command,
    /// The container; empty for commands about no container.
    pub container_id: String,
    /// The path of the container's network namespace; runtimes leave it out of `DEL` when it is gone.
    pub namespace: Option<String>,
    /// The name of the interface inside; empty for commands about no container.
    pub interface: String,
    /// Pairs of `CNI_ARGS`.
    pub arguments: BTreeMap<String, String>,
    /// Whether the container may be in the namespace of the plugin itself.
    pub allows_own_namespace: bool,
}

impl Environment {
    /// Reads the variables; `get` returns the value of one. `None` when there is no `CNI_COMMAND`, as when a person runs the program.
    ///
    /// # Errors
    ///
    /// All variables that are missing, or the first that is not valid.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, CniError> {
        let value = |name: &str| get(name).filter(|value| !value.is_empty());
        let Some(command) = value("CNI_COMMAND") else { return Ok(None) };
        let invalid = |message: String| CniError::new(code::INVALID_ENVIRONMENT, message);
        let command = Command::parse(&command)
            .ok_or_else(|| invalid(format!("CNI_COMMAND is {command:?}, not a command of CNI")))?;
        let missing: Vec<&str> =
            command.required().iter().copied().filter(|name| value(name).is_none()).collect();
        if !missing.is_empty() {
            return Err(invalid(format!("required variables are missing: {}", missing.join(", "))));
        }
        let environment = Self {
            command,
            container_id: value("CNI_CONTAINERID").unwrap_or_default(),
            namespace: value("CNI_NETNS"),
            interface: value("CNI_IFNAME").unwrap_or_default(),
            arguments: read_arguments(&value("CNI_ARGS").unwrap_or_default()).map_err(invalid)?,
            allows_own_namespace: value("CNI_NETNS_OVERRIDE")
                .is_some_and(|value| matches!(value.as_str(), "1" | "true")),
        };
        environment.check().map_err(invalid)?;
        Ok(Some(environment))
    }

    /// Namespace and name of the pod, when Kubernetes asks.
    #[must_use]
    pub fn pod(&self) -> Option<(&str, &str)> {
        let argument = |name: &str| self.arguments.get(name).filter(|value| !value.is_empty());
        Some((argument("K8S_POD_NAMESPACE")?, argument("K8S_POD_NAME")?))
    }

    fn check(&self) -> Result<(), String> {
        let required = self.command.required();
        if required.contains(&"CNI_CONTAINERID") && !is_identifier(&self.container_id) {
            return Err(format!(
                "CNI_CONTAINERID is {:?}; it must begin with a letter or digit and have only letters, digits, '_', '.' and '-'",
                self.container_id
            ));
        }
        if required.contains(&"CNI_IFNAME") && !is_interface_name(&self.interface) {
            return Err(format!("CNI_IFNAME is {:?}, not a name of an interface", self.interface));
        }
        Ok(())
    }
}

/// Whether a text can be the identity of a container, or the name of a network.
#[must_use]
pub(crate) fn is_identifier(text: &str) -> bool {
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(is_good)
}

fn is_interface_name(text: &str) -> bool {
    let is_good = |c: char| c != '/' && c != ':' && !c.is_whitespace();
    (1..=15).contains(&text.len()) && text != "." && text != ".." && text.chars().all(is_good)
}

/// Reads `K=V` pairs. Unknown keys are kept, and have no effect.
fn read_arguments(text: &str) -> Result<BTreeMap<String, String>, String> {
    let pairs = text.split(';').filter(|pair| !pair.is_empty());
    let read = |pair: &str| match pair.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(format!("CNI_ARGS has {pair:?}, which is not KEY=VALUE")),
    };
    pairs.map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Environment>, CniError> {
        let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
        Environment::read(|name| variables.get(name).map(|value| (*value).to_owned()))
    }

    const ADD: [(&str, &str); 5] = [
        ("CNI_COMMAND", "ADD"),
        ("CNI_CONTAINERID", "c1"),
        ("CNI_NETNS", "/run/netns/a"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_PATH", "/opt/cni/bin"),
    ];

    fn add_with(name: &'static str, value: &'static str) -> Result<Option<Environment>, CniError> {
        let mut variables = ADD.to_vec();
        variables.retain(|(other, _)| *other != name);
        variables.push((name, value));
        read(&variables)
    }

    #[test]
    fn a_person_who_runs_the_program_asks_for_nothing() {
        assert_eq!(read(&[]), Ok(None));
    }

    #[test]
    fn all_missing_variables_are_named_together() {
        let error = read(&[("CNI_COMMAND", "ADD")]).unwrap_err();
        assert_eq!(error.code, 4);
        for name in ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"] {
            assert!(error.message.contains(name), "{error}");
        }
        let error = read(&[("CNI_COMMAND", "GC")]).unwrap_err();
        assert_eq!(error.message, "required variables are missing: CNI_PATH");
        assert!(read(&[("CNI_COMMAND", "VERSION")]).unwrap().is_some());
        let del =
            read(&[("CNI_COMMAND", "DEL"), ("CNI_CONTAINERID", "c"), ("CNI_IFNAME", "e"), ("CNI_PATH", "/")]);
        assert_eq!(del.unwrap().unwrap().namespace, None);
    }

    #[test]
    fn values_are_checked_where_they_are_required() {
        for (name, value) in [
            ("CNI_COMMAND", "add"),
            ("CNI_COMMAND", "UPDATE"),
            ("CNI_CONTAINERID", "-c"),
            ("CNI_CONTAINERID", "c/1"),
            ("CNI_IFNAME", "."),
            ("CNI_IFNAME", ".."),
            ("CNI_IFNAME", "a/b"),
            ("CNI_IFNAME", "a:b"),
            ("CNI_IFNAME", "a b"),
            ("CNI_IFNAME", "sixteen-letters-"),
            ("CNI_ARGS", "IP"),
        ] {
            assert_eq!(add_with(name, value).unwrap_err().code, 4, "{name}={value}");
        }
        assert!(add_with("CNI_CONTAINERID", "a_b.c-1").is_ok());
    }

    #[test]
    fn a_pod_needs_both_of_its_names() {
        let pod = |arguments| {
            add_with("CNI_ARGS", arguments).unwrap().unwrap().pod().map(|(a, b)| format!("{a}.{b}"))
        };
        assert_eq!(pod("IgnoreUnknown=1;K8S_POD_NAMESPACE=n;K8S_POD_NAME=p;FOO=bar"), Some("n.p".to_owned()));
        assert_eq!(pod("K8S_POD_NAMESPACE=n"), None);
    }
}

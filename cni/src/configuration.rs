//! The configuration of a network, as the runtime passes it on.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;

use crate::cni_error::{CniError, code};
use crate::command::Command;
use crate::environment::is_identifier;
use crate::version::Version;

/// The configuration of a network. Keys that are not known are ignored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NetworkConfiguration {
    /// The version of the specification; 0.1.0 when it is not given.
    #[serde(rename = "cniVersion")]
    pub version: String,
    /// The name of the network.
    pub name: String,
    /// The largest packet in octets; 0 for that of the node.
    pub mtu: u32,
    /// Where addresses come from.
    pub ipam: AddressManagement,
    /// Whether the container may forward packets.
    pub container_settings: ContainerSettings,
    /// Functions that are off unless they are switched on.
    pub feature_control: FeatureControl,
    /// How addresses of Kubernetes pods are handled.
    pub policy: PolicySettings,
    /// How long an ADD waits until the kernel has everything, in seconds; 0 for the default.
    pub policy_setup_timeout_seconds: i64,
    /// The socket of the agent.
    pub agent_socket: Option<String>,
    /// How long a command waits for an agent that does not answer, in seconds.
    pub agent_timeout_seconds: Option<u64>,
    /// Values that the runtime fills in for capabilities.
    #[serde(rename = "runtimeConfig")]
    pub runtime: RuntimeConfiguration,
    /// The result of the plugin before, or of the ADD that a CHECK or DEL is about.
    #[serde(rename = "prevResult")]
    pub previous: Option<Value>,
    /// The attachments that are valid; for GC.
    #[serde(rename = "cni.dev/valid-attachments")]
    pub valid_attachments: Option<Vec<Attachment>>,
    /// The same, as older libraries name it.
    #[serde(rename = "cni.dev/attachments")]
    pub attachments: Option<Vec<Attachment>>,
}

/// Where addresses come from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AddressManagement {
    /// The plugin: `calico-ipam`, `margay-ipam` or nothing for the agent's own.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether the container gets an IPv4 address: "true" or "false".
    pub assign_ipv4: Option<Flag>,
    /// Whether the container gets an IPv6 address.
    pub assign_ipv6: Option<Flag>,
    /// Names or prefixes of the only pools for IPv4.
    pub ipv4_pools: Vec<String>,
    /// Names or prefixes of the only pools for IPv6.
    pub ipv6_pools: Vec<String>,
}

/// A truth value, as such or as text.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Flag {
    /// As such.
    Bool(bool),
    /// "true" or "false".
    Text(String),
}

/// What the container itself may do.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContainerSettings {
    /// Whether it may forward packets.
    pub allow_ip_forwarding: bool,
}

/// Functions that are off unless they are switched on.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct FeatureControl {
    /// Addresses outside that stand for a container's own.
    pub floating_ips: bool,
}

/// How policy is decided.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PolicySettings {
    /// `k8s` for policy of Kubernetes; otherwise the network has a profile.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Values that the runtime fills in for capabilities.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RuntimeConfiguration {
    /// Addresses that the container is to have (capability `ips`).
    pub ips: Vec<String>,
    /// The hardware address that the container is to have (capability `mac`).
    pub mac: Option<String>,
}

/// A container's attachment to a network.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Attachment {
    /// The container.
    #[serde(rename = "containerID")]
    pub container_id: String,
    /// The interface inside.
    pub ifname: String,
}

impl NetworkConfiguration {
    /// Reads a configuration and checks what every command needs.
    ///
    /// # Errors
    ///
    /// When it is not JSON, has no valid name, or asks for a version that is not supported or does not have the command.
    pub fn read(octets: &[u8], command: Command) -> Result<Self, CniError> {
        let configuration: Self = serde_json::from_slice(octets).map_err(|error| {
            CniError::new(code::DECODING, format!("the configuration cannot be read: {error}"))
        })?;
        configuration.check_version(command)?;
        if !is_identifier(&configuration.name) {
            let message = format!(
                "the name of the network is {:?}; it must begin with a letter or digit and have only letters, digits, '_', '.' and '-'",
                configuration.name
            );
            return Err(CniError::new(code::INVALID_CONFIGURATION, message));
        }
        if configuration.policy_setup_timeout_seconds < 0 {
            let message = "policy_setup_timeout_seconds is negative";
            return Err(CniError::new(code::INVALID_CONFIGURATION, message));
        }
        if command == Command::Gc && configuration.valid_attachments().is_none() {
            let message = "cni.dev/valid-attachments is missing; without it everything would be removed";
            return Err(CniError::new(code::INVALID_CONFIGURATION, message));
        }
        Ok(configuration)
    }

    /// The version of the specification that the answer has.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version.parse().unwrap_or(Version::new(0, 1, 0))
    }

    /// The attachments that are valid; `None` when the runtime names none.
    #[must_use]
    pub fn valid_attachments(&self) -> Option<&[Attachment]> {
        self.valid_attachments.as_deref().or(self.attachments.as_deref())
    }

    /// The handle that the addresses of a container are released by.
    #[must_use]
    pub fn handle(&self, container_id: &str) -> String {
        format!("{}.{container_id}", self.name)
    }

    /// Addresses of the container, from `IP` of `CNI_ARGS` or from the capability `ips`.
    ///
    /// # Errors
    ///
    /// When one is not an address.
    pub fn fixed_addresses(&self, argument: Option<&String>) -> Result<Vec<IpAddr>, CniError> {
        let from_argument = argument.into_iter().flat_map(|text| text.split(','));
        let texts = from_argument.chain(self.runtime.ips.iter().map(String::as_str));
        let read = |text: &str| {
            let network: Option<IpAddr> = text.parse::<IpNet>().ok().map(|network| network.addr());
            network.or_else(|| text.parse().ok()).ok_or_else(|| {
                CniError::new(code::INVALID_ENVIRONMENT, format!("{text:?} is not an IP address"))
            })
        };
        texts.map(read).collect()
    }

    fn check_version(&self, command: Command) -> Result<(), CniError> {
        if self.version.is_empty() {
            return self.check_has(Version::new(0, 1, 0), command);
        }
        let version: Version =
            self.version.parse().map_err(|error: String| CniError::new(code::DECODING, error))?;
        if !version.is_supported() {
            let message = format!("version {version} of CNI is not supported");
            return Err(CniError::new(code::INCOMPATIBLE_VERSION, message));
        }
        self.check_has(version, command)
    }

    fn check_has(&self, version: Version, command: Command) -> Result<(), CniError> {
        let since = match command {
            Command::Check => Version::new(0, 4, 0),
            Command::Gc | Command::Status => Version::new(1, 1, 0),
            Command::Add | Command::Del | Command::Version => return Ok(()),
        };
        if version >= since {
            return Ok(());
        }
        let message = format!("version {version} of CNI does not have this command; version {since} does");
        Err(CniError::new(code::INCOMPATIBLE_VERSION, message))
    }
}

impl AddressManagement {
    /// Whether the agent itself gives out the addresses.
    #[must_use]
    pub fn is_own(&self) -> bool {
        matches!(self.kind.as_str(), "" | "calico-ipam" | "margay-ipam")
    }

    /// Whether the container gets an IPv4 address: unless it is switched off.
    #[must_use]
    pub fn wants_ipv4(&self) -> bool {
        self.assign_ipv4.as_ref().is_none_or(Flag::is_true)
    }

    /// Whether the container gets an IPv6 address: if it is switched on.
    #[must_use]
    pub fn wants_ipv6(&self) -> bool {
        self.assign_ipv6.as_ref().is_some_and(Flag::is_true)
    }
}

impl Flag {
    fn is_true(&self) -> bool {
        match self {
            Self::Bool(value) => *value,
            Self::Text(text) => text.eq_ignore_ascii_case("true"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(text: &str, command: Command) -> Option<u32> {
        NetworkConfiguration::read(text.as_bytes(), command).err().map(|error| error.code)
    }

    #[test]
    fn each_fault_has_the_code_of_the_specification() {
        let cases = [
            ("{", Command::Add, Some(6)),
            ("", Command::Add, Some(6)),
            (r#"{"cniVersion":"x","name":"n"}"#, Command::Add, Some(6)),
            (r#"{"cniVersion":"9.0.0","name":"n"}"#, Command::Add, Some(1)),
            (r#"{"cniVersion":"1.0.0"}"#, Command::Add, Some(7)),
            (r#"{"cniVersion":"1.0.0","name":"-n"}"#, Command::Add, Some(7)),
            (r#"{"cniVersion":"1.0.0","name":"a/b"}"#, Command::Add, Some(7)),
            (r#"{"name":"n"}"#, Command::Add, None),
            (r#"{"name":"n"}"#, Command::Check, Some(1)),
            (r#"{"cniVersion":"0.3.1","name":"n"}"#, Command::Check, Some(1)),
            (r#"{"cniVersion":"0.4.0","name":"n"}"#, Command::Check, None),
            (r#"{"cniVersion":"1.0.0","name":"n"}"#, Command::Status, Some(1)),
            (r#"{"cniVersion":"1.1.0","name":"n"}"#, Command::Status, None),
            (r#"{"cniVersion":"1.1.0","name":"n"}"#, Command::Gc, Some(7)),
            (r#"{"cniVersion":"1.1.0","name":"n","cni.dev/valid-attachments":[]}"#, Command::Gc, None),
            (r#"{"cniVersion":"1.0.0","name":"n","policy_setup_timeout_seconds":-1}"#, Command::Add, Some(7)),
            (r#"{"cniVersion":"1.0.0","name":"n","unknown":{"a":1}}"#, Command::Add, None),
        ];
        for (text, command, expected) in cases {
            assert_eq!(code_of(text, command), expected, "{command:?} {text}");
        }
    }

    #[test]
    fn families_are_texts_or_truth_values() {
        let read = |text: &str| -> AddressManagement { serde_json::from_str(text).unwrap() };
        let families = |text| (read(text).wants_ipv4(), read(text).wants_ipv6());
        assert_eq!(families("{}"), (true, false));
        assert_eq!(families(r#"{"assign_ipv4":"false","assign_ipv6":"true"}"#), (false, true));
        assert_eq!(families(r#"{"assign_ipv6":true}"#), (true, true));
    }

    #[test]
    fn fixed_addresses_come_with_a_length_or_without() {
        let text = r#"{"name":"n","runtimeConfig":{"ips":["10.0.0.7/16","fd00::7"]}}"#;
        let configuration = NetworkConfiguration::read(text.as_bytes(), Command::Add).unwrap();
        let addresses = configuration.fixed_addresses(Some(&"10.0.0.5".to_owned())).unwrap();
        assert_eq!(
            addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["10.0.0.5", "10.0.0.7", "fd00::7"]
        );
        assert_eq!(configuration.fixed_addresses(Some(&"10.0.0.300".to_owned())).unwrap_err().code, 4);
    }
}

//! The result of an ADD, in the form of each version.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use crate::version::Version;

/// What an ADD has made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AddResult {
    /// The interface on the node.
    pub host_interface: String,
    /// The interface inside of the container.
    pub interface: String,
    /// Its hardware address.
    pub hardware_address: String,
    /// Its MTU in octets.
    pub mtu_octets: Option<u32>,
    /// The path of the container's network namespace.
    pub sandbox: String,
    /// The container's addresses.
    pub addresses: Vec<AssignedAddress>,
}

/// An address of a container, with its full length.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AssignedAddress(pub IpAddr);

impl AddResult {
    /// The object that is printed.
    #[must_use]
    pub fn to_json(&self, version: &str) -> Value {
        let parsed = version.parse().unwrap_or(Version::new(0, 1, 0));
        if parsed < Version::new(0, 3, 0) {
            return self.old_form(if version.is_empty() { "0.2.0" } else { version });
        }
        let has_mtu = parsed >= Version::new(1, 1, 0);
        let mut inside =
            json!({"name": self.interface, "mac": self.hardware_address, "sandbox": self.sandbox});
        if let Some(mtu) = self.mtu_octets.filter(|_| has_mtu) {
            inside["mtu"] = json!(mtu);
        }
        let has_family = parsed < Version::new(1, 0, 0);
        let addresses: Vec<Value> =
            self.addresses.iter().map(|address| address.to_json(has_family)).collect();
        json!({
            "cniVersion": version,
            "interfaces": [{"name": self.host_interface}, inside],
            "ips": addresses,
            "dns": {},
        })
    }

    /// Before 0.3.0 there was one address of each family, and nothing about interfaces.
    fn old_form(&self, version: &str) -> Value {
        let mut object = Map::new();
        object.insert("cniVersion".to_owned(), json!(version));
        for address in &self.addresses {
            let key = if address.0.is_ipv4() { "ip4" } else { "ip6" };
            object.entry(key).or_insert_with(|| json!({"ip": address.network().to_string()}));
        }
        object.insert("dns".to_owned(), json!({}));
        Value::Object(object)
    }
}

impl AssignedAddress {
    /// The address with its full length.
    #[must_use]
    pub fn network(&self) -> IpNet {
        IpNet::from(self.0)
    }

    fn to_json(self, has_family: bool) -> Value {
        let mut object = json!({"address": self.network().to_string(), "interface": 1});
        if has_family {
            object["version"] = json!(if self.0.is_ipv4() { "4" } else { "6" });
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result() -> AddResult {
        AddResult {
            host_interface: "cali1".to_owned(),
            interface: "eth0".to_owned(),
            hardware_address: "02:00:00:00:00:01".to_owned(),
            mtu_octets: Some(1450),
            sandbox: "/run/netns/a".to_owned(),
            addresses: ["10.0.0.5", "fd00::5"].map(|text| AssignedAddress(text.parse().unwrap())).into(),
        }
    }

    #[test]
    fn each_version_has_its_form() {
        for version in ["", "0.1.0", "0.2.0"] {
            let json = result().to_json(version);
            assert_eq!(
                (&json["ip4"]["ip"], &json["ip6"]["ip"]),
                (&json!("10.0.0.5/32"), &json!("fd00::5/128"))
            );
            assert!(json.get("ips").is_none() && json.get("interfaces").is_none(), "{json}");
        }
        assert_eq!(result().to_json("")["cniVersion"], "0.2.0");
        for version in ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
            let json = result().to_json(version);
            assert_eq!(json["cniVersion"], version);
            assert_eq!(json["interfaces"][0], json!({"name": "cali1"}));
            assert_eq!(json["interfaces"][1]["sandbox"], "/run/netns/a");
            assert_eq!(json["ips"][1]["interface"], 1);
            let has_family = !version.starts_with('1');
            assert_eq!(json["ips"][0].get("version").is_some(), has_family, "{version}");
            assert_eq!(json["interfaces"][1].get("mtu").is_some(), version == "1.1.0");
            assert!(json["ips"][0].get("gateway").is_none());
        }
    }
}

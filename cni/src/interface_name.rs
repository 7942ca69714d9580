//! The names of host interfaces.

use sha1::{Digest as _, Sha1};

/// The name of the host's end of a workload's veth pair: a prefix, and 11 characters of the hash of namespace and pod, or of the
/// container's identity. Calico's.
#[must_use]
pub fn host_interface_name(prefix: &str, pod: Option<(&str, &str)>, container_id: &str) -> String {
    let identity = match pod {
        Some((namespace, pod)) => {
            let hash = Sha1::digest(format!("{namespace}.{pod}"));
            hash.iter().map(|octet| format!("{octet:02x}")).collect()
        }
        None => container_id.to_owned(),
    };
    let identity: String = identity.chars().take(IDENTITY_CHARACTERS).collect();
    format!("{prefix}{identity}")
}

const IDENTITY_CHARACTERS: usize = 11;

#[cfg(test)]
mod tests {
    use super::host_interface_name;

    #[test]
    fn names_are_those_of_calico() {
        assert_eq!(host_interface_name("cali", None, "0123456789abcdef"), "cali0123456789a");
        // sha1 of "default.pod"
        let name = host_interface_name("cali", Some(("default", "pod")), "0123456789abcdef");
        assert_eq!((name.len(), &name[..4]), (15, "cali"));
        assert_ne!(name, host_interface_name("cali", Some(("default", "pod-1")), "0123456789abcdef"));
    }
}

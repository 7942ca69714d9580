//! The form of requests and answers, whatever is asked for.

use anyhow::Result;
use serde_json::json;

use crate::cluster::{Attach, Cluster};

#[test]
fn each_version_gets_its_form_and_each_fault_its_code() -> Result<()> {
    let cluster = Cluster::start(1, &[("pool", json!({"cidr": "10.65.0.0/16"}))])?;
    let node = &cluster.nodes[0];
    for version in ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
        let pod = cluster.pod(&format!("p{}", version.replace('.', "")))?;
        let name = format!("c{}", version.replace('.', ""));
        let attach = Attach { version, ..Attach::new(&name, &pod) };
        let result = node.add(&attach)?.result();
        assert_eq!(result["cniVersion"], version);
        let is_old = version < "0.3.0";
        assert_eq!((result["ip4"].is_object(), result["ips"].is_array()), (is_old, !is_old), "{result}");
        assert!(node.del(&attach)?.succeeded);
    }
    let raw = |variables: &[(&str, &str)], input: &str| node.finish(node.spawn_raw(variables, input)?);
    let add = [
        ("CNI_COMMAND", "ADD"),
        ("CNI_CONTAINERID", "c"),
        ("CNI_NETNS", "/run/netns/none"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_PATH", "/x"),
    ];
    assert_eq!(raw(&add, "{")?.error()["code"], 6);
    assert_eq!(raw(&add, r#"{"cniVersion":"2.0.0","name":"n"}"#)?.error()["code"], 1);
    assert_eq!(raw(&add, r#"{"cniVersion":"1.0.0"}"#)?.error()["code"], 7);
    assert_eq!(raw(&[("CNI_COMMAND", "ADD")], "{}")?.error()["code"], 4);
    assert_eq!(raw(&[("CNI_COMMAND", "JUMP")], "{}")?.error()["code"], 4);
    let about = raw(&[], "")?;
    assert!(about.succeeded && about.output.is_empty(), "{about:?}");
    let version = raw(&[("CNI_COMMAND", "VERSION")], "")?.result();
    assert_eq!(version["supportedVersions"].as_array().map(Vec::len), Some(7));
    // A namespace that is the node's own would change the node itself.
    let own = [
        ("CNI_COMMAND", "ADD"),
        ("CNI_CONTAINERID", "c"),
        ("CNI_NETNS", "/proc/self/ns/net"),
        ("CNI_IFNAME", "eth9"),
        ("CNI_PATH", "/x"),
    ];
    let configuration = node.configuration(&Attach::new("c", &node.namespace)).to_string();
    let error = raw(&own, &configuration)?.error();
    assert!(error["msg"].as_str().is_some_and(|text| text.contains("plugin itself")), "{error}");
    // A configuration of a megabyte.
    let large = json!({"cniVersion": "1.0.0", "name": "n", "agent_socket": node.socket(), "filler": "x".repeat(1 << 20)});
    let error = raw(&add, &large.to_string())?.error();
    assert!(error["msg"].as_str().is_some_and(|text| text.contains("/run/netns/none")), "{error}");
    Ok(())
}

//! The example configurations: margayd starts with each of them.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use margay_lab::{Lab, Margay, RouterSettings};

use crate::pair::{MARGAY_ASN, binaries};

#[test]
fn margayd_starts_with_each_example_and_knows_its_peers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut examples: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    examples.sort();
    assert!(examples.len() >= 6, "{examples:?}");
    for path in examples {
        let text = fs::read_to_string(&path).unwrap();
        let lab = Lab::new().unwrap();
        let wire = lab.segment("wire").unwrap();
        let node = lab.namespace("node").unwrap();
        wire.attach(&node, "eth0", &["10.0.0.11/24", "2001:db8::11/64"]).unwrap();
        let mut margay =
            Margay::new(&node, RouterSettings::new(MARGAY_ASN, Ipv4Addr::new(10, 0, 0, 11)), &binaries());
        margay.start_with(&text).unwrap();
        let peers = margay.json("show peers").unwrap();
        let count = peers["peers"].as_array().map(Vec::len);
        assert_eq!(count, Some(text.matches("\n[[peer]]").count()), "{}: {peers}", path.display());
        let log = margay.log().unwrap();
        assert!(!log.contains("ERROR"), "{}: {log}", path.display());
        let status = margay.terminate().unwrap();
        assert!(status.success(), "{}: {status}", path.display());
    }
}

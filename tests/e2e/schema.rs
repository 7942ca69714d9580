//! The JSON Schema that `margay schema` prints, with a validator of others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use margay_lab::packages::{JSON_SCHEMA, install_missing};

use crate::pair::binaries;

/// Files with one mistake each that a schema can find.
const WRONG: &[&str] = &[
    "",
    "[global]\nasn = 64512\n",
    "[global]\nasn = \"64512\"\nrouter_id = \"10.0.0.1\"\n",
    "[global]\nasn = 64512\nrouter_id = \"10.0.0.1\"\nupdate_dealy = \"5s\"\n",
    "[[peer]]\nremote_asn = 1\n",
    "[[peer]]\naddress = \"10.0.0.1\"\nhold_time = 90\n",
    "[[peer]]\naddress = \"10.0.0.1\"\nnext_hop = \"me\"\n",
    "[[peer]]\naddress = \"10.0.0.1\"\nimport = \"pods\"\n",
    "[[network]]\nprefix = \"10.65.1.0\"\n",
    "[[static]]\nprefix = \"10.65.1.0/24\"\n",
    "[[static]]\nprefix = \"10.65.1.0/24\"\nvia = \"10.0.0.1\"\ndiscard = \"blackhole\"\n",
    "[[aggregate]]\nprefix = \"10.64.0.0/12\"\nleast = 0\n",
    "[filter.a]\nrules = [{ match = { origin = \"bgp\" }, action = \"accept\" }]\n",
    "[filter.a]\nrules = [{ match = { not = { lenght = \"24\" } }, action = \"accept\" }]\n",
    "[filter.a]\nrules = [{ action = \"drop\" }]\n",
    "[filter.a]\nrules = [{ set = { local_pref = 1 } }]\n",
];

#[test]
fn every_example_is_valid_by_the_schema_and_wrong_files_are_not() {
    install_missing(&[JSON_SCHEMA]).unwrap();
    let folder = std::env::temp_dir().join(format!("margay-schema-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let printed = Command::new(binaries().margay).arg("schema").output().unwrap();
    assert!(printed.status.success(), "{printed:?}");
    let schema = folder.join("schema.json");
    fs::write(&schema, printed.stdout).unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.join(name);
        let value: serde_json::Value = toml::from_str(text).unwrap();
        fs::write(&file, value.to_string()).unwrap();
        file
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let examples = fs::read_dir(root.join("examples")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        examples.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    assert!(files.len() >= 6, "{files:?}");
    files.push(root.join("config/example.toml"));
    let validate =
        |file: &Path| Command::new("jsonschema").arg("-i").arg(file).arg(&schema).output().unwrap();
    for path in &files {
        let output = validate(&write("example.json", &fs::read_to_string(path).unwrap()));
        assert!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    }
    for text in WRONG {
        let text = if text.contains("[global]") || text.is_empty() {
            (*text).to_owned()
        } else {
            format!("[global]\nasn = 64512\nrouter_id = \"10.0.0.1\"\n{text}")
        };
        let output = validate(&write("wrong.json", &text));
        if text.is_empty() {
            // A file that others include need not have a [global].
            assert!(output.status.success());
        } else {
            assert_eq!(output.status.code(), Some(1), "{text}: {output:?}");
        }
    }
    fs::remove_dir_all(&folder).unwrap();
}

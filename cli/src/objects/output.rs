//! How objects are shown.

use std::io::Write;

use margay_cluster::document::write_yaml;
use margay_cluster::object::API_VERSION;
use serde_json::{Value, json};

use super::columns;
use super::query::{Stored, typed_name};
use crate::arguments::output_format::Format;
use crate::run_error::RunError;

/// Prints objects: as a table for each kind when no format was asked for.
pub(crate) fn print(
    found: &[Stored],
    format: Option<&Format>,
    is_single: bool,
    show_namespaces: bool,
    out: &mut impl Write,
) -> Result<(), RunError> {
    match format {
        None => out.write_all(columns::tables(found, false, show_namespaces).as_bytes())?,
        Some(Format::Wide) => out.write_all(columns::tables(found, true, show_namespaces).as_bytes())?,
        Some(Format::Name) => {
            found.iter().try_for_each(|stored| writeln!(out, "{}", typed_name(&stored.key)))?
        }
        Some(Format::Yaml) => {
            let documents: Vec<String> = found.iter().map(|stored| write_yaml(&stored.document)).collect();
            out.write_all(documents.join("---\n").as_bytes())?;
        }
        Some(Format::Json) => writeln!(out, "{:#}", as_one(found, is_single))?,
        Some(Format::JsonPath(template)) => {
            let text = template.render(&as_one(found, is_single));
            out.write_all(text.as_bytes())?;
            if !text.ends_with('\n') {
                writeln!(out)?;
            }
        }
    }
    Ok(())
}

/// The one object that was asked for by name, or a list.
fn as_one(found: &[Stored], is_single: bool) -> Value {
    match found {
        [stored] if is_single => stored.document.clone(),
        _ => {
            let items: Vec<&Value> = found.iter().map(|stored| &stored.document).collect();
            json!({"apiVersion": API_VERSION, "kind": "List", "items": items})
        }
    }
}

#[cfg(test)]
mod tests {
    use margay_cluster::document::read_yaml;
    use margay_cluster::key::ObjectKey;

    use super::*;

    fn stored(name: &str) -> Stored {
        let key = format!("/calico/resources/v3/projectcalico.org/tiers/{name}");
        let document = json!({"kind": "Tier", "metadata": {"name": name}, "spec": {"order": 5}});
        Stored { key: ObjectKey::parse(&key).unwrap(), document }
    }

    fn shown(names: &[&str], format: &str, is_single: bool) -> String {
        let found: Vec<Stored> = names.iter().map(|name| stored(name)).collect();
        let mut out = Vec::new();
        print(&found, Some(&Format::parse(format).unwrap()), is_single, false, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn formats_table() {
        assert_eq!(shown(&["a", "b"], "name", false), "tier/a\ntier/b\n");
        assert_eq!(read_yaml(&shown(&["a", "b"], "yaml", false)).unwrap().len(), 2);
        assert_eq!(shown(&["a"], "jsonpath={.spec.order}", true), "5\n");
        assert_eq!(shown(&["a", "b"], "jsonpath={.items[*].metadata.name}", false), "a b\n");
        let json: Value = serde_json::from_str(&shown(&["a", "b"], "json", false)).unwrap();
        assert_eq!(json["items"].as_array().unwrap().len(), 2);
        let json: Value = serde_json::from_str(&shown(&["a"], "json", true)).unwrap();
        assert_eq!(json["kind"], "Tier");
        for format in ["xml", "jsonpath", "jsonpath={", "yaml=x"] {
            assert!(Format::parse(format).is_err(), "{format}");
        }
    }
}

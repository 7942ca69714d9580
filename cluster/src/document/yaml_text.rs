//! Writing values as YAML that reads back as the same values.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Content, read_yaml, resolve};

/// Writes a value in block style, two spaces a level, keys in their order.
///
/// Texts are quoted where YAML, of this version or the last, would read something else without quotes.
#[must_use]
pub fn write_yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => write_block(value, 0, &mut out),
        Value::Array(items) if !items.is_empty() => write_block(value, 0, &mut out),
        scalar => {
            write_scalar(scalar, &mut out);
            out.push('\n');
        }
    }
    out
}

/// Writes a list or map that is not empty, each line with its indentation.
fn write_block(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                out.extend(std::iter::repeat_n(' ', indent));
                write_text(key, out);
                out.push(':');
                write_after(value, indent, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                out.extend(std::iter::repeat_n(' ', indent));
                out.push('-');
                write_item(item, indent, out);
            }
        }
        _ => {}
    }
}

/// Writes the value of a key: on the same line, or below it.
fn write_after(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            write_block(value, indent + 2, out);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            write_block(value, indent, out);
        }
        scalar => {
            out.push(' ');
            write_scalar(scalar, out);
            out.push('\n');
        }
    }
}

/// Writes an item of a list; the first line of a map or list stands after the dash.
fn write_item(item: &Value, indent: usize, out: &mut String) {
    let is_empty = match item {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    };
    out.push(' ');
    if is_empty {
        write_scalar(item, out);
        out.push('\n');
        return;
    }
    let mut block = String::new();
    write_block(item, indent + 2, &mut block);
    out.push_str(block.trim_start_matches(' '));
}

fn write_scalar(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => write_text(text, out),
        Value::Object(_) => out.push_str("{}"),
        Value::Array(_) => out.push_str("[]"),
        other => write!(out, "{other}").expect("a String takes everything"),
    }
}

fn write_text(text: &str, out: &mut String) {
    if is_plain(text) {
        out.push_str(text);
    } else {
        // JSON's strings are YAML's double-quoted ones.
        write!(out, "{}", Value::from(text)).expect("a String takes everything");
    }
}

/// Whether a text can stand without quotes.
fn is_plain(text: &str) -> bool {
    const OLD_BOOLEANS: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"];
    let is_safe = |c: char| c.is_alphanumeric() || "_./()=@+ -:,{}\"'!&|<>*[]#%".contains(c);
    let starts_well = text.starts_with(|c: char| c.is_alphanumeric() || c == '/' || c == '_' || c == '(');
    let is_candidate = starts_well
        && text.chars().all(is_safe)
        && !text.ends_with([' ', ':'])
        && ![": ", " #", "<<"].iter().any(|part| text.contains(part))
        && !OLD_BOOLEANS.contains(&text.to_ascii_lowercase().as_str())
        && !looks_like_number(text);
    is_candidate && reads_back(text)
}

/// Whether some version of YAML takes the text for a number or a time.
fn looks_like_number(text: &str) -> bool {
    let is_numeric =
        |c: char| c.is_ascii_digit() || ".:_-+".contains(c) || matches!(c, 'e' | 'E' | 'x' | 'o');
    let has_digit = text.contains(|c: char| c.is_ascii_digit());
    let is_address = text.contains("::") || text.matches('.').count() > 1;
    !matches!(resolve(text), Value::String(_)) || has_digit && !is_address && text.chars().all(is_numeric)
}

fn reads_back(text: &str) -> bool {
    match read_yaml(text) {
        Ok(documents) => {
            matches!(&documents[..], [node] if matches!(&node.content, Content::Plain(read) if read == text))
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn writes_what_people_would() {
        let value = json!({
            "apiVersion": "projectcalico.org/v3",
            "metadata": {"labels": {"a": "12", "b": "yes", "c/d": "x"}, "name": "p"},
            "spec": {"cidr": "10.0.0.0/16", "empty": {}, "none": null, "rules": [{"action": "Allow", "nets": ["fd00::/8", "::1"]}, []],
                     "selector": "a == 'b' && has(c)", "text": "two\nlines", "on": true},
        });
        let expected = "\
apiVersion: projectcalico.org/v3
metadata:
  labels:
    a: \"12\"
    b: \"yes\"
    c/d: x
  name: p
spec:
  cidr: 10.0.0.0/16
  empty: {}
  none: null
  \"on\": true
  rules:
  - action: Allow
    nets:
    - fd00::/8
    - \"::1\"
  - []
  selector: a == 'b' && has(c)
  text: \"two\\nlines\"
";
        assert_eq!(write_yaml(&value), expected);
        assert_eq!(write_yaml(&json!("x")), "x\n");
        assert_eq!(write_yaml(&json!([[1, [2]], {"a": [3]}])), "- - 1\n  - - 2\n- a:\n  - 3\n");
    }
}

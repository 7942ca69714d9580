//! Templates with paths into JSON, as kubectl has them: `{.spec.cidr}`, `{.items[*].metadata.name}`,
//! `{range .items[*]}{.metadata.name}{"\n"}{end}`.

use serde_json::Value;

/// A template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Path(Vec<Step>),
    Range(Vec<Step>, Vec<Self>),
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(String),
    Index(i64),
    Every,
}

impl Template {
    /// Reads a template; one without braces is a path.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if !text.contains('{') {
            return Ok(Self(vec![Part::Path(parse_path(text)?)]));
        }
        let mut rest = text;
        let parts = parse_parts(&mut rest, false)?;
        Ok(Self(parts))
    }

    /// What the template makes of a value; paths that lead nowhere leave nothing.
    pub(crate) fn render(&self, value: &Value) -> String {
        let mut out = String::new();
        render(&self.0, value, &mut out);
        out
    }
}

fn parse_parts(rest: &mut &str, in_range: bool) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    loop {
        let Some((text, after)) = rest.split_once('{') else {
            if in_range {
                return Err("{range} has no {end}".to_owned());
            }
            parts.extend((!rest.is_empty()).then(|| Part::Text((*rest).to_owned())));
            return Ok(parts);
        };
        parts.extend((!text.is_empty()).then(|| Part::Text(text.to_owned())));
        let (inside, after) = split_braces(after)?;
        *rest = after;
        let inside = inside.trim();
        if inside == "end" {
            return if in_range { Ok(parts) } else { Err("{end} has no {range}".to_owned()) };
        }
        parts.push(match inside.strip_prefix("range") {
            Some(path) => Part::Range(parse_path(path.trim())?, parse_parts(rest, true)?),
            None if inside.starts_with(['"', '\'']) => Part::Text(parse_literal(inside)?),
            None => Part::Path(parse_path(inside)?),
        });
    }
}

/// Splits at the closing brace, which may stand in quotes before.
fn split_braces(text: &str) -> Result<(&str, &str), String> {
    let mut quote = None;
    for (offset, c) in text.char_indices() {
        match (quote, c) {
            (None, '}') => {
                return Ok((text.get(..offset).unwrap_or(""), text.get(offset + 1..).unwrap_or("")));
            }
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    Err("a { has no }".to_owned())
}

fn parse_literal(text: &str) -> Result<String, String> {
    let inner = text.get(1..text.len() - 1).filter(|_| text.len() > 1 && text.ends_with(&text[..1]));
    let inner = inner.ok_or_else(|| format!("{text} has no closing quote"))?;
    Ok(inner.replace("\\n", "\n").replace("\\t", "\t"))
}

fn parse_path(text: &str) -> Result<Vec<Step>, String> {
    let mut rest = text.trim().trim_start_matches(['$', '@']);
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(bracket) = rest.strip_prefix('[') {
            let (inside, after) = bracket.split_once(']').ok_or_else(|| format!("{text}: a [ has no ]"))?;
            steps.push(parse_bracket(inside)?);
            rest = after;
            continue;
        }
        let after_dot = rest.strip_prefix('.').unwrap_or(rest);
        let end = after_dot.find(['.', '[']).unwrap_or(after_dot.len());
        let (key, after) = after_dot.split_at(end);
        match key {
            "" if after.is_empty() => {}
            "" if after.starts_with('[') => {}
            "" => return Err(format!("{text}: there is a key missing between two dots")),
            "*" => steps.push(Step::Every),
            key => steps.push(Step::Key(key.to_owned())),
        }
        rest = after;
    }
    Ok(steps)
}

fn parse_bracket(inside: &str) -> Result<Step, String> {
    match inside.trim() {
        "*" => Ok(Step::Every),
        quoted if quoted.starts_with(['"', '\'']) => parse_literal(quoted).map(Step::Key),
        number => number
            .parse()
            .map(Step::Index)
            .map_err(|_| format!("[{number}] is neither a number, * nor a key in quotes")),
    }
}

fn render(parts: &[Part], value: &Value, out: &mut String) {
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Path(steps) => {
                let found: Vec<String> = select(value, steps).into_iter().map(show).collect();
                out.push_str(&found.join(" "));
            }
            Part::Range(steps, inner) => {
                for item in select(value, steps) {
                    render(inner, item, out);
                }
            }
        }
    }
}

fn select<'v>(value: &'v Value, steps: &[Step]) -> Vec<&'v Value> {
    let mut found = vec![value];
    for step in steps {
        found = found.into_iter().flat_map(|value| step_into(value, step)).collect();
    }
    found
}

fn step_into<'v>(value: &'v Value, step: &Step) -> Vec<&'v Value> {
    match (step, value) {
        (Step::Key(key), Value::Object(map)) => map.get(key).into_iter().collect(),
        (Step::Index(index), Value::Array(items)) => {
            let from_end = |index: i64| items.len().checked_sub(usize::try_from(index.unsigned_abs()).ok()?);
            let place = if *index < 0 { from_end(*index) } else { usize::try_from(*index).ok() };
            place.and_then(|place| items.get(place)).into_iter().collect()
        }
        (Step::Every, Value::Array(items)) => items.iter().collect(),
        (Step::Every, Value::Object(map)) => map.values().collect(),
        _ => Vec::new(),
    }
}

/// A text without quotes, everything else as JSON.
fn show(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn templates_table() {
        let value = json!({
            "spec": {"cidr": "10.0.0.0/16", "list": [1, {"a": "x"}, 3], "on": true},
            "metadata": {"labels": {"a.b/c": "d"}},
            "items": [{"name": "one"}, {"name": "two"}],
        });
        let rows = [
            ("{.spec.cidr}", "10.0.0.0/16"),
            (".spec.on", "true"),
            ("{$.spec.list[0]} and {.spec.list[-1]}", "1 and 3"),
            ("{.spec.list[1].a}", "x"),
            ("{.spec.list[1]}", "{\"a\":\"x\"}"),
            ("{.items[*].name}", "one two"),
            ("{.metadata.labels['a.b/c']}", "d"),
            ("{range .items[*]}{.name}{\"\\n\"}{end}", "one\ntwo\n"),
            ("{range .items[*]}<{.name}>{end}!", "<one><two>!"),
            ("{.nowhere.at[3].all}", ""),
            ("{'}'}", "}"),
        ];
        for (template, expected) in rows {
            assert_eq!(Template::parse(template).unwrap().render(&value), expected, "{template}");
        }
        for template in ["{.a", "{range .a}", "{end}", "{.a[}", "{.a[x]}", "{.a..b}", "{\"x}"] {
            assert!(Template::parse(template).is_err(), "{template}");
        }
    }
}

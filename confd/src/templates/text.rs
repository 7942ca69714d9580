//! The text of a template, and what it makes of entries.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, context};

/// What a template may compute: far more than any file needs, and an end to loops that have none.
const FUEL: u64 = 5_000_000;

/// A template that parses.
pub(super) struct TemplateText {
    environment: Environment<'static>,
}

/// The one template of an environment.
const NAME: &str = "template";

impl TemplateText {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// When it cannot be read or does not parse.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(text).with_context(|| path.display().to_string())
    }

    fn parse(text: String) -> Result<Self> {
        let mut environment = Environment::new();
        // A misspelled name is an error, not an empty text.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        // A line that holds nothing but a tag leaves no empty line.
        let syntax =
            SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
        environment.set_syntax(syntax.map_err(said)?);
        environment.add_filter("json", |text: String| {
            let value: serde_json::Value = serde_json::from_str(&text)
                .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))?;
            Ok::<Value, Error>(Value::from(Serde(value)))
        });
        environment.add_template_owned(NAME, text).map_err(said)?;
        Ok(Self { environment })
    }

    /// The text for entries by key.
    ///
    /// # Errors
    ///
    /// When the template asks for what there is not, or computes without end; the text names the line.
    pub(super) fn render(mut self, node: &str, entries: &BTreeMap<String, String>) -> Result<String> {
        let entries = Arc::new(entries.clone());
        let all = entries.clone();
        self.environment.add_function("get", move |key: String, default: Option<Value>| {
            let found = all.get(&key).map(Value::from).or(default);
            found.ok_or_else(|| Error::new(ErrorKind::UndefinedError, format!("there is no entry {key}")))
        });
        let all = entries.clone();
        self.environment.add_function("exists", move |key: String| all.contains_key(&key));
        self.environment.add_function("list", move |prefix: String| {
            let under = entries.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
            under.map(|(key, value)| context! { key => key, value => value }).collect::<Vec<Value>>()
        });
        let template = self.environment.get_template(NAME).map_err(said)?;
        template.render(context! { node => node }).map_err(said)
    }
}

fn said(error: Error) -> anyhow::Error {
    anyhow!("{error:#}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::TemplateText;

    fn render(text: &str) -> Result<String, String> {
        let entries = [
            ("/nodes/a", r#"{"spec":{"bgp":{"ipv4Address":"10.0.0.1/24"}}}"#),
            ("/nodes/b", r#"{"spec":{"bgp":{"ipv4Address":"10.0.0.2/24"}}}"#),
            ("/other", "x"),
        ];
        let entries: BTreeMap<String, String> =
            entries.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let template = TemplateText::parse(text.to_owned()).map_err(|error| format!("{error:#}"))?;
        template.render("a", &entries).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn entries_are_listed_found_and_taken_apart() {
        let text = "# {{ node }}\n{% for entry in list('/nodes/') %}{% set node = entry.value|json %}\
            {{ entry.key }} {{ node.spec.bgp.ipv4Address }}\n{% endfor %}{{ get('/other') }} {{ get('/none', 'y') }} {{ exists('/none') }}\n";
        assert_eq!(render(text).unwrap(), "# a\n/nodes/a 10.0.0.1/24\n/nodes/b 10.0.0.2/24\nx y False\n");
    }

    #[test]
    fn what_is_wrong_is_an_error_and_never_an_empty_text() {
        for (text, expected) in [
            ("{{ get('/none') }}", "there is no entry /none"),
            ("{{ nobody }}", "undefined value"),
            ("{% for x in list('/') %}", "syntax error"),
            ("{{ get('/other')|json }}", "expected value"),
            (
                "{% for a in range(3000) %}{% for b in range(3000) %}{{ a * b }}{% endfor %}{% endfor %}",
                "fuel",
            ),
        ] {
            let error = render(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}

//! The formats of `-o`.

use crate::json_path::Template;

/// The format that `-o` selects.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Format {
    Yaml,
    Json,
    Wide,
    Name,
    JsonPath(Template),
}

impl Format {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("jsonpath", template)) => Template::parse(template).map(Self::JsonPath),
            None if text == "yaml" => Ok(Self::Yaml),
            None if text == "json" => Ok(Self::Json),
            None if text == "wide" => Ok(Self::Wide),
            None if text == "name" => Ok(Self::Name),
            _ => Err("it must be yaml, json, wide, name or jsonpath=TEMPLATE".to_owned()),
        }
    }
}

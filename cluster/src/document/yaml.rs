//! Reading YAML text into [`Node`]s with the place of each value.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use super::{Content, Entry, Node, Position};

/// Why a text is not YAML that can be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{position}: {message}")]
pub struct YamlError {
    /// Where reading stopped.
    pub position: Position,
    /// What is wrong there.
    pub message: String,
}

/// Deepest nesting of lists and maps.
const MAX_DEPTH: usize = 64;

/// Most values of a text, with each use of an alias counted in full: an object has thousands at most.
const MAX_NODES: usize = 2_000_000;

/// Reads all documents of a YAML 1.2 text; JSON is YAML. Documents that hold nothing are left out.
///
/// Unquoted scalars stay as they are written ([`Content::Plain`]). Anchors, aliases and merge keys (`<<`) are expanded,
/// within a limit. Of the tags, `!!str` and those that say what is there anyway are known.
///
/// # Errors
///
/// The first place that is not YAML, or that uses what is not supported.
pub fn read_yaml(text: &str) -> Result<Vec<Node<'_>>, YamlError> {
    let mut reader = Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0 };
    let mut documents = Vec::new();
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(documents),
            Event::DocumentStart(_) => {
                reader.anchors.clear();
                let (event, span) = reader.next()?;
                let node = reader.node(event, span, 0)?;
                let is_empty = matches!(&node.content, Content::Plain(text) if text.is_empty());
                documents.extend((!is_empty).then_some(node));
            }
            Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
            _ => return Err(error(span, "a document was expected")),
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// Anchored nodes of this document, by the parser's number.
    anchors: HashMap<usize, Node<'t>>,
    nodes: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), YamlError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(YamlError {
                position: Position { line: error.marker().line(), column: error.marker().col() + 1 },
                message: error.info().to_owned(),
            }),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node<'t>, YamlError> {
        if depth > MAX_DEPTH {
            return Err(error(span, "lists and maps are nested too deeply"));
        }
        self.count(1, span)?;
        let (anchor, content) = match event {
            Event::Scalar(text, style, anchor, tag) => (anchor, scalar(text, style, tag.as_deref(), span)?),
            Event::SequenceStart(anchor, tag) => {
                check_tag(tag.as_deref(), "seq", span)?;
                (anchor, self.list(depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                check_tag(tag.as_deref(), "map", span)?;
                (anchor, self.map(depth)?)
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(error(span, "an alias must not stand inside of its own anchor"));
                };
                self.count(size(&node), span)?;
                return Ok(node);
            }
            _ => return Err(error(span, "a value was expected")),
        };
        let node = Node { content, position: Some(position(span)) };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Content<'t>, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Content::List(items)),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Content<'t>, YamlError> {
        let mut entries = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let key = match event {
                Event::MappingEnd => break,
                event => self.node(event, span, depth + 1)?,
            };
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span, depth + 1)?;
            match key.content {
                Content::Plain(text) if text == "<<" => merge(&mut merged, value, value_span)?,
                Content::Plain(key) | Content::Text(key) => {
                    entries.push(Entry { key, position: Some(position(span)), value });
                }
                _ => return Err(error(span, "a key must be text")),
            }
        }
        for entry in merged {
            if !entries.iter().any(|own: &Entry<'_>| own.key == entry.key) {
                entries.push(entry);
            }
        }
        Ok(Content::Map(entries))
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), YamlError> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(error(span, "there are too many values, with aliases counted in full"));
        }
        Ok(())
    }
}

fn scalar<'t>(
    text: Cow<'t, str>,
    style: ScalarStyle,
    tag: Option<&Tag>,
    span: Span,
) -> Result<Content<'t>, YamlError> {
    match tag {
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Ok(Content::Text(text)),
        Some(_) => Err(error(span, "tags other than !!str are not supported")),
        None if style == ScalarStyle::Plain => Ok(Content::Plain(text)),
        None => Ok(Content::Text(text)),
    }
}

fn check_tag(tag: Option<&Tag>, expected: &str, span: Span) -> Result<(), YamlError> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema() || tag.suffix != expected => {
            Err(error(span, "tags other than !!str are not supported"))
        }
        _ => Ok(()),
    }
}

/// Adds the entries of a merge key's value: a map, or a list of maps of which the first wins.
fn merge<'t>(merged: &mut Vec<Entry<'t>>, value: Node<'t>, span: Span) -> Result<(), YamlError> {
    match value.content {
        Content::Map(entries) => {
            for entry in entries {
                if !merged.iter().any(|earlier| earlier.key == entry.key) {
                    merged.push(entry);
                }
            }
            Ok(())
        }
        Content::List(items) => items.into_iter().try_for_each(|item| match item.content {
            Content::Map(_) => merge(merged, item, span),
            _ => Err(error(span, "a merge key (<<) takes a map or a list of maps")),
        }),
        _ => Err(error(span, "a merge key (<<) takes a map or a list of maps")),
    }
}

fn size(node: &Node<'_>) -> usize {
    match &node.content {
        Content::List(items) => items.iter().map(size).sum::<usize>() + 1,
        Content::Map(entries) => entries.iter().map(|entry| size(&entry.value) + 1).sum::<usize>() + 1,
        _ => 1,
    }
}

fn position(span: Span) -> Position {
    Position { line: span.start.line(), column: span.start.col() + 1 }
}

fn error(span: Span, message: &str) -> YamlError {
    YamlError { position: position(span), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_one(text: &str) -> serde_json::Value {
        let documents = read_yaml(text).unwrap();
        assert_eq!(documents.len(), 1, "{text}");
        documents[0].to_json()
    }

    #[test]
    fn reads_what_manifests_are_made_of() {
        let rows = [
            ("a: 1\nb: [x, 'y', \"z\\n\"]\n", json!({"a": 1, "b": ["x", "y", "z\n"]})),
            ("- |\n  two\n  lines\n- >\n  one\n  line\n", json!(["two\nlines\n", "one line\n"])),
            ("{\"json\": [null, true]}", json!({"json": [null, true]})),
            ("a: &x {b: 1}\nc: *x\n", json!({"a": {"b": 1}, "c": {"b": 1}})),
            (
                "base: &b {x: 1, y: 2}\nown: {<<: *b, y: 3}\n",
                json!({"base": {"x": 1, "y": 2}, "own": {"x": 1, "y": 3}}),
            ),
            ("a: !!str 12\nb: # nothing\n", json!({"a": "12", "b": null})),
            ("\u{feff}a: 1\n", json!({"a": 1})),
        ];
        for (text, expected) in rows {
            assert_eq!(read_one(text), expected, "{text}");
        }
    }

    #[test]
    fn documents_are_told_apart_and_empty_ones_left_out() {
        let documents = read_yaml("# head\n---\na: 1\n---\n---\n# only a comment\n---\nb: 2\n...\n").unwrap();
        let values: Vec<_> = documents.iter().map(Node::to_json).collect();
        assert_eq!(values, [json!({"a": 1}), json!({"b": 2})]);
        assert_eq!(documents[1].position, Some(Position { line: 8, column: 1 }));
        assert_eq!(read_yaml("").unwrap(), []);
    }

    #[test]
    fn every_value_and_key_has_its_place() {
        let documents = read_yaml("spec:\n  nets:\n  - 10.0.0.0/8\n  - x\n").unwrap();
        let nets = documents[0].get("spec").unwrap().entry("nets").unwrap();
        assert_eq!(nets.position, Some(Position { line: 2, column: 3 }));
        let Content::List(items) = &nets.value.content else { panic!("{nets:?}") };
        assert_eq!(items[1].position, Some(Position { line: 4, column: 5 }));
    }

    #[test]
    fn errors_say_where_and_what() {
        let rows = [
            ("a: [1, 2", "flow"),
            ("a: b: c", "1:5: mapping values are not allowed"),
            ("? [1]\n: 2\n", "1:3: a key must be text"),
            ("a: !secret x", "1:4: tags other than !!str"),
            ("a: *nowhere", "1:4: "),
            ("a: &a [*a]", "own anchor"),
            ("<<: 3", "1:5: a merge key"),
        ];
        for (text, expected) in rows {
            let error = read_yaml(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn bombs_are_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            text += &format!("a{level}: &a{level} [{aliases}]\n");
        }
        assert!(read_yaml(&text).unwrap_err().message.contains("too many values"));
        assert!(read_yaml(&"[".repeat(5000)).is_err());
        assert!(read_yaml(&("[".repeat(100) + &"]".repeat(100))).unwrap_err().message.contains("too deeply"));
    }
}

//! Where a value stands in a document.

use std::fmt;

/// The way from the root of a document to a value, such as `spec.ingress[0].source.nets[1]`.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Path(pub Vec<Step>);

/// One step of a [`Path`].
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// Into a map, by key.
    Key(String),
    /// Into a list, by index from 0.
    Index(usize),
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.0.iter().enumerate() {
            match step {
                // A key with a dot of its own, such as a label's name.
                Step::Key(key) if key.is_empty() || key.contains(['.', '[', ']']) => write!(f, "[{key:?}]")?,
                Step::Key(key) if number == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl Path {
    /// Reads steps such as `ingress[2].source`; keys with dots cannot be written this way.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut steps = Vec::new();
        for part in text.split('.').filter(|part| !part.is_empty()) {
            let (key, indices) = part.split_once('[').unwrap_or((part, ""));
            if !key.is_empty() {
                steps.push(Step::Key(key.to_owned()));
            }
            let indices = indices.split('[').map(|index| index.trim_end_matches(']'));
            steps.extend(indices.filter_map(|index| index.parse().ok()).map(Step::Index));
        }
        Self(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_steps() {
        for text in ["spec", "spec.ingress[0].source.nets[1]", "[3]", "a[1][2].b", ""] {
            assert_eq!(Path::parse(text).to_string(), text);
        }
        let labels = Path(vec![Step::Key("labels".into()), Step::Key("a.b/c".into())]);
        assert_eq!(labels.to_string(), r#"labels["a.b/c"]"#);
    }
}

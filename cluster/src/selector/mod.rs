//! Selectors: expressions over labels that say which objects are meant.
//!
//! ```text
//! or         = and *( "||" and )
//! and        = operation *( "&&" operation )
//! operation  = *"!" ( "all()" / "global()" / "has(" label ")" / comparison / "(" or ")" )
//! comparison = label ( "==" / "!=" / "contains" / "starts with" / "ends with" ) string
//!            / label ( "in" / "not in" ) "{" [ string *( "," string ) [ "," ] ] "}"
//! ```
//!
//! Strings stand in `"` or `'` and have no escapes. An empty selector is `all()`.

mod evaluate;
mod expression;
mod index;
mod parser;
mod restrictions;
mod tokenizer;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest as _, Sha224};

use crate::document::Node;
use crate::schema::{Decoder, Schema};

pub use self::evaluate::LabelSource;
pub use self::expression::Expression;
pub use self::index::{LabelIndex, MatchChange};
pub use self::parser::SelectorError;
pub use self::restrictions::{LabelRestriction, Restrictions};

/// A selector that has been parsed, with the text that it was written as.
///
/// Two selectors are equal when their expressions are. Cloning is cheap.
#[derive(Clone)]
pub struct Selector {
    text: Arc<str>,
    expression: Arc<Expression>,
}

impl Selector {
    /// The selector of an expression.
    #[must_use]
    pub fn new(expression: Expression) -> Self {
        Self { text: expression.to_string().into(), expression: Arc::new(expression) }
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it says.
    #[must_use]
    pub fn expression(&self) -> &Expression {
        &self.expression
    }

    /// Whether an object with these labels is selected.
    #[must_use]
    pub fn matches(&self, labels: &(impl LabelSource + ?Sized)) -> bool {
        self.expression.matches(labels)
    }

    /// What labels must be like for the selector to have a chance to match.
    #[must_use]
    pub fn restrictions(&self) -> Restrictions {
        self.expression.restrictions()
    }

    /// A name that equal selectors share: `s:` and the SHA-224 of the canonical text, in base64 for URLs. Calico's.
    #[must_use]
    pub fn unique_id(&self) -> String {
        let hash = Sha224::digest(format!("s:{self}"));
        format!("s:{}", URL_SAFE_NO_PAD.encode(hash))
    }

    /// The same selector over labels that have `prefix` before their names.
    #[must_use]
    pub fn with_label_prefix(&self, prefix: &str) -> Self {
        Self::new(self.expression.map_labels(&|label| format!("{prefix}{label}")))
    }

    /// Whether `global()` stands anywhere in it.
    #[must_use]
    pub fn has_global(&self) -> bool {
        self.expression.any(&|expression| matches!(expression, Expression::Global))
    }

    /// Whether this is `global()` and nothing else.
    #[must_use]
    pub fn is_global(&self) -> bool {
        matches!(*self.expression, Expression::Global)
    }

    /// Whether this is `all()` and nothing else.
    #[must_use]
    pub fn is_all(&self) -> bool {
        matches!(*self.expression, Expression::All)
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        Ok(Self { text: text.into(), expression: Arc::new(parser::parse(text)?) })
    }
}

/// The canonical form: one space between words, values sorted, parentheses around each `&&` and `||`.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt(f)
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Selector({})", self.text)
    }
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        self.expression == other.expression
    }
}

impl Eq for Selector {}

impl Schema for Selector {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let Some(text) = node.as_text() else {
            decoder.report(node.position, format!("is {}; it must be a selector", node.describe()));
            return None;
        };
        text.parse()
            .map_err(|error| {
                decoder.report(node.position, format!("is {}, not a selector: {error}", node.describe()));
            })
            .ok()
    }

    fn encode(&self) -> Value {
        Value::String((*self.text).to_owned())
    }
}

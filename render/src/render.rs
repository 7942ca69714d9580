//! From a snapshot to the text of the file.

use crate::toml::{FileSettings, to_toml};
use crate::{Problem, Snapshot, plan};

/// The file of a node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rendered {
    /// The text of `margay.toml`.
    pub toml: String,
    /// What is wrong with objects, and what the file cannot say; sorted.
    pub problems: Vec<Problem>,
}

/// Renders the file of a node; `None`, with the reasons, when the node has no BGP.
///
/// # Errors
///
/// What is wrong, when there is nothing to render.
pub fn render(snapshot: &Snapshot, node: &str, settings: &FileSettings) -> Result<Rendered, Vec<Problem>> {
    let (speaker, mut problems) = plan(snapshot, node);
    let Some(speaker) = speaker else {
        if problems.is_empty() {
            problems.push(Problem::new("Node", node, "does not exist"));
        }
        return Err(problems);
    };
    let (toml, more) = to_toml(&speaker, settings);
    problems.extend(more);
    problems.sort();
    problems.dedup();
    Ok(Rendered { toml, problems })
}

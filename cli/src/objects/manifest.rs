//! Files of objects.

use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use margay_cluster::document::{Content, Node, Position, read_yaml};
use margay_cluster::key::ObjectKey;
use margay_cluster::object::AnyObject;
use margay_cluster::schema::UnknownFields;
use margay_cluster::value::Name;

use super::query::typed_name;
use crate::object_error::ObjectError;

/// An object of a file, valid and with its defaults.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) object: AnyObject,
}

impl Manifest {
    pub(crate) fn key(&self) -> ObjectKey {
        ObjectKey::from(&self.object)
    }

    /// How people name it: `bgppeer/rack-1`.
    pub(crate) fn name(&self) -> String {
        typed_name(&self.key())
    }
}

/// What is wrong with a file, and where.
#[derive(Debug)]
pub(crate) struct ManifestProblem {
    file: String,
    position: Option<Position>,
    message: String,
}

impl fmt::Display for ManifestProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(position) => write!(f, "{}:{position}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// Reads all objects of files and folders, in their order; or says everything that is wrong with them.
pub(crate) fn read(
    files: &[PathBuf],
    namespace: Option<&str>,
) -> Result<Vec<Manifest>, Vec<ManifestProblem>> {
    let mut manifests = Vec::new();
    let mut problems = Vec::new();
    for file in files.iter().flat_map(|file| files_of(file)) {
        match read_text(&file) {
            Ok(text) => read_objects(&name_of(&file), &text, namespace, &mut manifests, &mut problems),
            Err(error) => {
                let message = match error {
                    ObjectError::File { error, .. } => format!("cannot be read: {error}"),
                    other => other.to_string(),
                };
                problems.push(ManifestProblem { file: name_of(&file), position: None, message });
            }
        }
    }
    if manifests.is_empty() && problems.is_empty() {
        let file = files.iter().map(|file| name_of(file)).collect::<Vec<_>>().join(", ");
        problems.push(ManifestProblem { file, position: None, message: "there are no objects".to_owned() });
    }
    find_repeats(&manifests, &mut problems);
    if problems.is_empty() { Ok(manifests) } else { Err(problems) }
}

/// The text of a file, or of standard input for `-`.
pub(crate) fn read_text(file: &Path) -> Result<String, ObjectError> {
    let read = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    read.map_err(|error| ObjectError::File { file: file.to_owned(), error })
}

/// The file itself, or the files of a folder that hold objects by their names, sorted.
fn files_of(path: &Path) -> Vec<PathBuf> {
    let Some(entries) = path.is_dir().then(|| fs::read_dir(path).ok()).flatten() else {
        return vec![path.to_owned()];
    };
    let is_manifest = |file: &PathBuf| {
        let extension = file.extension().and_then(|extension| extension.to_str());
        file.is_file() && matches!(extension, Some("yaml" | "yml" | "json"))
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_manifest).collect();
    files.sort();
    files
}

fn name_of(file: &Path) -> String {
    if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() }
}

fn read_objects(
    file: &str,
    text: &str,
    namespace: Option<&str>,
    manifests: &mut Vec<Manifest>,
    problems: &mut Vec<ManifestProblem>,
) {
    let documents = match read_yaml(text) {
        Ok(documents) => documents,
        Err(error) => {
            let (position, message) = (Some(error.position), error.message);
            problems.push(ManifestProblem { file: file.to_owned(), position, message });
            return;
        }
    };
    for node in documents.iter().flat_map(items_of) {
        match AnyObject::decode(node, UnknownFields::Refuse) {
            Ok(mut object) => {
                set_namespace(&mut object, namespace);
                object.apply_defaults();
                manifests.push(Manifest { object });
            }
            Err(found) => {
                let what = headline(node);
                problems.extend(found.0.into_iter().map(|problem| ManifestProblem {
                    file: file.to_owned(),
                    position: problem.position,
                    message: format!("{what}{problem}"),
                }));
            }
        }
    }
}

/// A document, or the objects of one that is a list of them.
fn items_of<'n, 't>(node: &'n Node<'t>) -> Vec<&'n Node<'t>> {
    let is_list = node.get("kind").and_then(Node::as_text).is_some_and(|kind| kind.ends_with("List"));
    match node.get("items").map(|items| &items.content) {
        Some(Content::List(items)) if is_list => items.iter().collect(),
        _ => vec![node],
    }
}

/// What a document says that it is, to go before its problems.
fn headline(node: &Node<'_>) -> String {
    let kind = node.get("kind").and_then(Node::as_text);
    let name = node.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Node::as_text);
    match (kind, name) {
        (Some(kind), Some(name)) => format!("{kind} {name}: "),
        (Some(kind), None) => format!("{kind}: "),
        _ => String::new(),
    }
}

fn set_namespace(object: &mut AnyObject, namespace: Option<&str>) {
    if object.kind().is_namespaced() && object.metadata().namespace.is_none() {
        let namespace = namespace.unwrap_or(ObjectKey::DEFAULT_NAMESPACE);
        object.metadata_mut().namespace = Name::new(namespace);
    }
}

fn find_repeats(manifests: &[Manifest], problems: &mut Vec<ManifestProblem>) {
    let mut keys: Vec<ObjectKey> = manifests.iter().map(Manifest::key).collect();
    keys.sort();
    for pair in keys.windows(2) {
        if let [one, other] = pair
            && one == other
        {
            let message = "appears twice in what is to be written".to_owned();
            problems.push(ManifestProblem { file: typed_name(one), position: None, message });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(text: &str) -> Result<Vec<String>, Vec<String>> {
        let mut manifests = Vec::new();
        let mut problems = Vec::new();
        read_objects("a.yaml", text, Some("blue"), &mut manifests, &mut problems);
        find_repeats(&manifests, &mut problems);
        if problems.is_empty() {
            Ok(manifests.iter().map(Manifest::name).collect())
        } else {
            Err(problems.iter().map(ToString::to_string).collect())
        }
    }

    const HEAD: &str = "apiVersion: projectcalico.org/v3\n";

    #[test]
    fn all_documents_and_items_of_lists_are_read() {
        let text = format!(
            "{HEAD}kind: Tier\nmetadata: {{name: a}}\nspec: {{}}\n---\n{HEAD}kind: NetworkPolicyList\nitems:\n\
             - apiVersion: projectcalico.org/v3\n  kind: NetworkPolicy\n  metadata: {{name: b}}\n  spec: {{}}\n"
        );
        assert_eq!(read_one(&text).unwrap(), ["tier/a", "networkpolicy/blue/b"]);
    }

    #[test]
    fn every_problem_of_every_document_has_its_line() {
        let text = format!(
            "{HEAD}kind: BGPPeer\nmetadata:\n  name: rack\nspec:\n  peerIP: 192.0.2.300\n  asNumbr: 1\n---\n\
             {HEAD}kind: IPPol\nmetadata: {{name: p}}\n---\n{HEAD}kind: IPPool\nmetadata: {{name: p}}\nspec:\n  cidr: 10.0.0.1/16\n"
        );
        assert_eq!(
            read_one(&text).unwrap_err(),
            [
                "a.yaml:6:11: BGPPeer rack: spec.peerIP is 192.0.2.300; it must be an IP address, or one with a port from \
                 1 to 65535: 192.0.2.1:179 or [2001:db8::1]:179",
                "a.yaml:7:3: BGPPeer rack: spec.asNumbr is not a known field: did you mean \"asNumber\"?",
                "a.yaml:10:7: IPPol p: kind is IPPol, not a known kind: did you mean \"IPPool\"?",
                "a.yaml:17:9: IPPool p: spec.cidr is \"10.0.0.1/16\", which has bits beyond its length; write 10.0.0.0/16",
            ]
        );
    }

    #[test]
    fn what_is_no_yaml_or_no_object_is_said() {
        let rows = [
            ("a: [1", "a.yaml:"),
            ("- 1\n", "a.yaml:1:1: is a list; it must be an object: a map with a kind"),
            ("a: 1\n", "a.yaml:1:1: kind is missing"),
            ("{\"kind\": \"Tier\", }", "a.yaml:1:1: Tier: apiVersion is missing"),
        ];
        for (text, expected) in rows {
            let problems = read_one(text).unwrap_err();
            assert!(problems[0].starts_with(expected), "{text}: {problems:?}");
        }
        let twice = format!(
            "{HEAD}kind: Tier\nmetadata: {{name: a}}\n---\n{HEAD}kind: Tier\nmetadata: {{name: a}}\n"
        );
        assert_eq!(read_one(&twice).unwrap_err(), ["tier/a: appears twice in what is to be written"]);
    }
}

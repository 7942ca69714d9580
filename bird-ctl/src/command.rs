//! Commands of clients.

/// A command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// `show status`
    Status,
    /// `show protocols`
    Protocols(ProtocolPattern),
    /// `show protocols all`
    ProtocolDetails(ProtocolPattern),
    /// `configure`: read the configuration file again.
    Configure,
}

/// The protocols that a command is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ProtocolPattern {
    /// All.
    All,
    /// The one of this name.
    Name(String),
    /// Those whose names match a pattern, in which `*` stands for any text and `?` for any character.
    Glob(String),
}

impl Command {
    /// Parses a line without its end; `None` for anything that is not a command.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.trim().trim_end_matches(';').split_whitespace().collect();
        match words[..] {
            ["show", "status"] => Some(Self::Status),
            ["show", "protocols", "all"] => Some(Self::ProtocolDetails(ProtocolPattern::All)),
            ["show", "protocols", "all", name] => Some(Self::ProtocolDetails(ProtocolPattern::parse(name)?)),
            ["show", "protocols"] => Some(Self::Protocols(ProtocolPattern::All)),
            ["show", "protocols", name] => Some(Self::Protocols(ProtocolPattern::parse(name)?)),
            ["configure"] => Some(Self::Configure),
            _ => None,
        }
    }
}

impl ProtocolPattern {
    fn parse(word: &str) -> Option<Self> {
        match word.strip_prefix('"') {
            Some(rest) => Some(Self::Glob(rest.strip_suffix('"')?.to_owned())),
            None => Some(Self::Name(word.trim_matches('\'').to_owned())),
        }
    }

    /// Whether a protocol of this name is meant.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Name(wanted) => wanted == name,
            Self::Glob(glob) => matches(glob.as_bytes(), name.as_bytes()),
        }
    }
}

/// Whether a text matches a glob, in time proportional to the product of their lengths.
fn matches(glob: &[u8], text: &[u8]) -> bool {
    let (mut at_glob, mut at_text) = (0, 0);
    // Where the last `*` is, and where the text goes on after what it stands for.
    let mut star: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match glob.get(at_glob) {
            Some(b'*') => {
                star = Some((at_glob, at_text));
                at_glob += 1;
            }
            Some(&octet) if octet == b'?' || octet == text[at_text] => {
                at_glob += 1;
                at_text += 1;
            }
            _ => {
                let Some((at_star, after)) = star else { return false };
                star = Some((at_star, after + 1));
                at_glob = at_star + 1;
                at_text = after + 1;
            }
        }
    }
    glob[at_glob..].iter().all(|&octet| octet == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_table() {
        let name = |name: &str| ProtocolPattern::Name(name.to_owned());
        let rows = [
            ("show status", Some(Command::Status)),
            (" show  status ", Some(Command::Status)),
            ("show protocols", Some(Command::Protocols(ProtocolPattern::All))),
            ("show protocols all", Some(Command::ProtocolDetails(ProtocolPattern::All))),
            ("show protocols all Mesh_1", Some(Command::ProtocolDetails(name("Mesh_1")))),
            ("show protocols \"Mesh*\"", Some(Command::Protocols(ProtocolPattern::Glob("Mesh*".to_owned())))),
            ("configure", Some(Command::Configure)),
            ("configure;", Some(Command::Configure)),
            ("show protocols \"Mesh*", None),
            ("show nonsense", None),
            ("frobnicate", None),
            ("", None),
        ];
        for (line, expected) in rows {
            assert_eq!(Command::parse(line), expected, "{line:?}");
        }
    }

    #[test]
    fn globs_table() {
        for (glob, text, expected) in [
            ("Mesh*", "Mesh_10_0_0_1", true),
            ("*", "", true),
            ("M?sh", "Mesh", true),
            ("M?sh", "Msh", false),
            ("*_1", "Mesh_10_1", true),
            ("*_1", "Mesh_10_1_2", false),
            ("a*b*c", "a_b_b_c", true),
            ("a*b*c", "a_c_b", false),
            ("", "a", false),
        ] {
            assert_eq!(ProtocolPattern::Glob(glob.to_owned()).matches(text), expected, "{glob} {text}");
        }
    }
}

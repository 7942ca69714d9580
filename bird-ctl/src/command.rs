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
    /// `show route`
    Routes(RoutesCommand),
    /// `configure`: read the configuration file again.
    Configure,
}

/// `show route` and what follows it. All given conditions must hold.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RoutesCommand {
    /// The networks.
    pub networks: Networks,
    /// Only the best route of each network.
    pub only_primary: bool,
    /// Only routes that come from this protocol.
    pub protocol: Option<String>,
    /// Only routes that are advertised to this peer.
    pub export: Option<String>,
    /// Only routes that this filter of the configuration accepts.
    pub filter: Option<String>,
    /// What is said of them.
    pub form: RoutesForm,
}

/// The networks that routes are shown of.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Networks {
    /// All.
    #[default]
    All,
    /// Exactly this one, such as `10.65.1.0/26`.
    Exactly(String),
    /// The longest one around an address or a prefix.
    Longest(String),
}

/// What is said of routes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RoutesForm {
    /// A line.
    #[default]
    Lines,
    /// A line, and the attributes.
    All,
    /// How many there are.
    Count,
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
            ["show", "route", ref rest @ ..] => RoutesCommand::parse(rest).map(Self::Routes),
            ["configure"] => Some(Self::Configure),
            _ => None,
        }
    }
}

impl RoutesCommand {
    /// Parses what follows `show route`, in any order; a network comes first.
    fn parse(words: &[&str]) -> Option<Self> {
        let mut command = Self::default();
        let mut rest = words;
        loop {
            rest = match *rest {
                [] => return Some(command),
                ["for", address, ref rest @ ..] => {
                    command.networks = Networks::Longest(address.to_owned());
                    rest
                }
                ["all", ref rest @ ..] => {
                    command.form = RoutesForm::All;
                    rest
                }
                ["count", ref rest @ ..] => {
                    command.form = RoutesForm::Count;
                    rest
                }
                ["primary", ref rest @ ..] => {
                    command.only_primary = true;
                    rest
                }
                // There is one table.
                ["table", "master", ref rest @ ..] => rest,
                ["protocol", name, ref rest @ ..] => {
                    command.protocol = Some(unquoted(name));
                    rest
                }
                ["export", name, ref rest @ ..] => {
                    command.export = Some(unquoted(name));
                    rest
                }
                ["filter", name, ref rest @ ..] => {
                    command.filter = Some(unquoted(name));
                    rest
                }
                // A prefix, or the address of a host.
                [network, ref rest @ ..] if network.contains(['.', ':']) => {
                    command.networks = Networks::Exactly(network.to_owned());
                    rest
                }
                _ => return None,
            };
        }
    }
}

fn unquoted(word: &str) -> String {
    word.trim_matches(['\'', '"']).to_owned()
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
            ("show route", Some(Command::Routes(RoutesCommand::default()))),
            (
                "show route 10.0.0.0/8 all primary",
                Some(Command::Routes(RoutesCommand {
                    networks: Networks::Exactly("10.0.0.0/8".to_owned()),
                    only_primary: true,
                    form: RoutesForm::All,
                    ..RoutesCommand::default()
                })),
            ),
            (
                "show route for 2001:db8::1 protocol Mesh_1 table master",
                Some(Command::Routes(RoutesCommand {
                    networks: Networks::Longest("2001:db8::1".to_owned()),
                    protocol: Some("Mesh_1".to_owned()),
                    ..RoutesCommand::default()
                })),
            ),
            (
                "show route filter 'to tor' export Mesh_1 count",
                None, // A name with a space is two words.
            ),
            (
                "show route ::/0 filter to_tor export Mesh_1 count",
                Some(Command::Routes(RoutesCommand {
                    networks: Networks::Exactly("::/0".to_owned()),
                    filter: Some("to_tor".to_owned()),
                    export: Some("Mesh_1".to_owned()),
                    form: RoutesForm::Count,
                    ..RoutesCommand::default()
                })),
            ),
            ("show route where net ~ 10.0.0.0/8", None),
            ("show route table other", None),
            ("show route for", None),
            ("show route export", None),
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

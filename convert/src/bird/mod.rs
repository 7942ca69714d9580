//! Configurations of BIRD: 1.6 as Calico renders it, and the usual language of BIRD 2.

mod bfd;
mod bgp;
mod cursor;
mod expressions;
mod kernel;
mod lowering;
mod protocols;
mod statements;
mod statics;
mod token;
mod tree;

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::finish::{Draft, finish};
use crate::remark::RemarkKind;
use crate::{Conversion, ConvertError};

use cursor::Cursor;
use lowering::{Definitions, Lowered};
use protocols::Reader;
use token::Token;
use tree::Place;

/// Text that is not a configuration of BIRD.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{file}:{line}: {text}")]
pub(crate) struct BirdError {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// Reads the files that a file includes: the path as it stands there, and the file in which it stands. Returns names and texts.
pub type Include<'i> = &'i mut dyn FnMut(&str, &str) -> Result<Vec<(String, String)>, String>;

/// A configuration of BIRD: the name of its file, and the text.
#[derive(Clone, Copy, Debug)]
pub struct BirdFile<'t> {
    /// The name, for remarks and for the paths of includes.
    pub name: &'t str,
    /// The text.
    pub text: &'t str,
}

/// Converts a configuration of BIRD. Passwords are to be put into files of the peers' names in `password_folder`; without one, the
/// result names no files, and each is remarked.
///
/// # Errors
///
/// It is not one: the place and what was expected there.
pub fn convert_bird(
    name: &str,
    text: &str,
    password_folder: Option<&str>,
    include: Include<'_>,
) -> Result<Conversion, ConvertError> {
    convert_birds(&[BirdFile { name, text }], password_folder, include)
}

/// Converts several configurations into one, such as those of a BIRD 1.6 for each family. What the first one says of the router
/// counts.
///
/// # Errors
///
/// As [`convert_bird`].
pub fn convert_birds(
    sources: &[BirdFile<'_>],
    password_folder: Option<&str>,
    include: Include<'_>,
) -> Result<Conversion, ConvertError> {
    let mut reader = Reader::new(password_folder);
    let mut files = Vec::new();
    for source in sources {
        let read = read(*source, sources.len() > 1, &mut reader, &mut *include, &mut files);
        read.map_err(|error| ConvertError { file: error.file, line: error.line, text: error.text })?;
    }
    let file = files.into_iter().next().unwrap_or_default();
    Ok(finish(reader.into_draft(file)))
}

/// Reads a configuration with all that it includes. Names that its filters and templates define are its own.
fn read(
    source: BirdFile<'_>,
    is_one_of_several: bool,
    reader: &mut Reader,
    include: Include<'_>,
    files: &mut Vec<String>,
) -> Result<(), BirdError> {
    let tokens = with_includes(source.name, source.text, include, files)?;
    reader.definitions = Definitions { files: files.clone(), ..Definitions::default() };
    reader.family = is_one_of_several.then(|| family_of_tokens(&tokens)).flatten();
    let files = &*files;
    let mut cursor = Cursor::new(&tokens, files);
    let mut protocols: Vec<&[Token]> = Vec::new();
    let mut templates: HashMap<(String, String), &[Token]> = HashMap::new();
    while cursor.peek().is_some() {
        if cursor.eat(";") || cursor.eat("}") {
            continue;
        }
        let statement = cursor.statement(|token| BLOCKS.iter().any(|word| token.is_word(word)));
        let mut inside = Cursor::new(statement, files);
        let place = inside.place();
        let Some(word) = inside.next().and_then(Token::word) else { continue };
        match word {
            "function" => {
                let name = inside.word()?.to_owned();
                let function = statements::function(&mut inside)?;
                reader.definitions.functions.insert(name, function);
            }
            "filter" => {
                let name = inside.word()?.to_owned();
                let filter = statements::function(&mut inside)?;
                reader.definitions.filters.insert(name, filter);
            }
            "define" => {
                let name = inside.word()?.to_owned();
                inside.expect("=")?;
                let value = expressions::expression(&mut inside)?;
                reader.definitions.constants.insert(name, value);
            }
            "template" => {
                let kind = inside.word()?.to_owned();
                let name = inside.word()?.to_owned();
                templates.insert((kind, name), statement);
            }
            "protocol" => protocols.push(statement),
            word => reader.global(word, place, &mut inside)?,
        }
    }
    for protocol in protocols {
        reader.protocol(protocol, &templates, files)?;
    }
    reader.write_sessions();
    Ok(())
}

/// The family of the first address behind `neighbor` or `route`: a BIRD 1.6 has one.
fn family_of_tokens(tokens: &[Token]) -> Option<&'static str> {
    tokens.windows(2).find_map(|pair| match &pair[1].kind {
        token::TokenKind::Address(address) if pair[0].is_word("neighbor") || pair[0].is_word("route") => {
            Some(family_of(*address))
        }
        _ => None,
    })
}

/// The tokens of a file with those of the files that it includes in their places.
fn with_includes(
    name: &str,
    text: &str,
    include: Include<'_>,
    files: &mut Vec<String>,
) -> Result<Vec<Token>, BirdError> {
    let index = files.len();
    files.push(name.to_owned());
    let own = token::tokens(index, name, text)?;
    let mut all = Vec::with_capacity(own.len());
    let mut rest = own.into_iter().peekable();
    while let Some(token) = rest.next() {
        let path = match rest.peek().map(|next| &next.kind) {
            Some(token::TokenKind::Text(path)) if token.is_word("include") => path.clone(),
            _ => {
                all.push(token);
                continue;
            }
        };
        rest.next();
        rest.next_if(|next| next.is(";"));
        let error = |text: String| BirdError { file: name.to_owned(), line: token.line, text };
        if files.len() > MAX_FILES {
            return Err(error("files include each other without end".to_owned()));
        }
        let included = include(&path, name).map_err(|text| error(format!("{path}: {text}")))?;
        for (name, text) in included {
            all.extend(with_includes(&name, &text, include, files)?);
        }
    }
    Ok(all)
}

/// Whether an address is of a family.
pub(crate) fn family_of(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "ipv4" } else { "ipv6" }
}

impl Reader {
    /// What stands outside protocols.
    fn global(&mut self, word: &str, place: Place, cursor: &mut Cursor<'_>) -> Result<(), BirdError> {
        match word {
            "router" if cursor.eat_word("id") => {
                if let Some(IpAddr::V4(address)) = expressions::address(cursor) {
                    self.speaker.router_id.get_or_insert(address);
                } else {
                    self.remark(place, RemarkKind::LeftOut, "only an address can be the router id");
                }
            }
            "listen" if cursor.eat_word("bgp") => self.listen(cursor)?,
            // What BIRD does for itself: its log, its watchdog, its tables.
            "log" | "debug" | "mrtdump" | "watchdog" | "timeformat" | "eval" | "threads" | "ipv4"
            | "ipv6" | "cli" | "hostname" => {}
            "graceful" => self.remark(place, RemarkKind::Note, "the time of a restart is set for each peer"),
            "table" | "roa4" | "roa6" | "roa" | "vpn4" | "vpn6" | "flow4" | "flow6" | "mpls" | "evpn"
            | "attribute" => {
                self.remark(place, RemarkKind::LeftOut, format_args!("{word}: there is no counterpart"));
            }
            _ => self.remark(place, RemarkKind::LeftOut, format_args!("{word:?} is not understood")),
        }
        Ok(())
    }

    fn listen(&mut self, cursor: &mut Cursor<'_>) -> Result<(), BirdError> {
        let (mut address, mut port) = (None, 179);
        while cursor.peek().is_some() {
            if cursor.eat_word("address") {
                address = expressions::address(cursor);
            } else if cursor.eat_word("port") {
                port = u16::try_from(cursor.number()?).map_err(|_| cursor.error("that is not a port"))?;
            } else {
                cursor.next();
            }
        }
        self.listen.push((address, port));
        Ok(())
    }

    fn into_draft(mut self, file: String) -> Draft {
        self.write_kernel_exports();
        self.rank_learned_routes();
        self.give_direct_routes_a_metric();
        self.keep_common_settings_in_groups();
        let any = || match self.speaker.peers.first().map(|peer| peer.address) {
            Some(IpAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
            _ => Ipv4Addr::UNSPECIFIED.into(),
        };
        let listen = self.listen.iter().map(|&(address, port)| (address.unwrap_or_else(any), port).into());
        let listen: BTreeSet<SocketAddr> = listen.collect();
        self.speaker.listen = listen.into_iter().collect();
        let mut draft = Draft { speaker: self.speaker, secrets: self.secrets, file, ..Draft::default() };
        self.lowered.into_draft(&mut draft);
        draft
    }
}

impl Lowered {
    /// Moves everything into the target.
    pub(crate) fn into_draft(self, draft: &mut Draft) {
        draft.speaker.filters = self.filters;
        draft.speaker.prefix_sets = self.prefix_sets;
        draft.remarks.extend(self.remarks);
    }
}

/// The statements that end with a block.
const BLOCKS: [&str; 4] = ["function", "filter", "template", "protocol"];

/// More are a circle.
const MAX_FILES: usize = 1000;

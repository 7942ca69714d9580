//! `protocol`: what each kind of protocol becomes.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::net::IpAddr;

use crate::Secret;
use crate::model::{Settings, Speaker};
use crate::remark::{Remark, RemarkKind};

use super::BirdError;
use super::bgp::Session;
use super::cursor::Cursor;
use super::lowering::{Definitions, Lowered};
use super::statements;
use super::token::Token;
use super::tree::{Function, Place};

/// The templates of a configuration by kind and name.
pub(super) type Templates<'t> = HashMap<(String, String), &'t [Token]>;

/// Fills the target, protocol by protocol.
pub(crate) struct Reader {
    pub(super) definitions: Definitions,
    pub(super) speaker: Speaker,
    pub(super) lowered: Lowered,
    pub(super) listen: Vec<(Option<IpAddr>, u16)>,
    pub(super) sessions: Vec<Session>,
    pub(super) secrets: Vec<Secret>,
    pub(super) password_folder: Option<String>,
    /// The filters on what is installed by family, under no name for all; `None` for everything.
    pub(super) kernel_exports: BTreeMap<&'static str, Option<String>>,
    /// The family of a BIRD 1.6, where another file is for the other family.
    pub(super) family: Option<&'static str>,
    /// What `protocol bfd` says of all sessions.
    pub(super) bfd: Settings,
    unnamed: usize,
}

/// A protocol under way: its kind and name, and its options and those of its templates, the own ones last.
pub(super) struct Options<'t> {
    pub(super) name: String,
    pub(super) place: Place,
    /// The nearest template.
    pub(super) template: Option<String>,
    /// Each with the template that it stands in; `None` for own ones.
    pub(super) list: Vec<(&'t [Token], Option<String>)>,
}

impl Reader {
    pub(super) fn new(password_folder: Option<&str>) -> Self {
        Self {
            definitions: Definitions::default(),
            speaker: Speaker::default(),
            lowered: Lowered::default(),
            listen: Vec::new(),
            sessions: Vec::new(),
            secrets: Vec::new(),
            password_folder: password_folder.map(str::to_owned),
            kernel_exports: BTreeMap::new(),
            family: None,
            bfd: Settings::new(),
            unnamed: 0,
        }
    }

    pub(super) fn remark(&mut self, place: Place, kind: RemarkKind, text: impl Display) {
        let file = self.definitions.files.get(place.file).cloned().unwrap_or_default();
        self.lowered.remarks.insert(Remark { file, line: place.line, kind, text: text.to_string() });
    }

    pub(super) fn protocol<'t>(
        &mut self,
        statement: &'t [Token],
        templates: &Templates<'t>,
        files: &'t [String],
    ) -> Result<(), BirdError> {
        let mut cursor = Cursor::new(statement, files);
        let place = cursor.place();
        cursor.next();
        let kind = cursor.word()?.to_owned();
        self.unnamed += 1;
        let mut options =
            Options { name: format!("{kind}{}", self.unnamed), place, template: None, list: Vec::new() };
        // Of several words, such as a version and a name, the name is the last.
        while let Some(name) = cursor.peek().and_then(Token::word).filter(|word| *word != "from") {
            options.name = name.to_owned();
            cursor.next();
        }
        if cursor.eat_word("from") {
            let template = cursor.word()?.to_owned();
            collect_template(&kind, &template, templates, files, &mut options, 0)?;
            options.template = Some(template);
        }
        options.list.extend(body(&mut cursor)?.into_iter().map(|option| (option, None)));
        if options.list.iter().any(|(option, _)| matches!(option, [token] if token.is_word("disabled"))) {
            let text = format!("protocol {} is disabled", options.name);
            self.remark(place, RemarkKind::Note, text);
            return Ok(());
        }
        match kind.as_str() {
            "bgp" => self.bgp(&options, files),
            "kernel" => self.kernel(&options, files),
            "direct" => self.direct(&options, files),
            "static" => self.statics(&options, files),
            "device" => Ok(()),
            "bfd" => self.bfd(&options, files),
            _ => {
                self.remark(place, RemarkKind::LeftOut, format_args!("protocol {kind} has no counterpart"));
                Ok(())
            }
        }
    }

    /// The filter that an option names or holds: its name and what it does.
    pub(super) fn filter_of(
        &mut self,
        cursor: &mut Cursor<'_>,
        own_name: &str,
    ) -> Result<Option<(String, Function)>, BirdError> {
        if !cursor.eat_word("filter") {
            return Ok(None);
        }
        if cursor.peek().is_some_and(|token| token.is("{")) {
            return Ok(Some((own_name.to_owned(), statements::function(cursor)?)));
        }
        let place = cursor.place();
        let name = cursor.word()?.to_owned();
        let function = self.definitions.filters.get(&name).cloned();
        if function.is_none() {
            self.remark(
                place,
                RemarkKind::LeftOut,
                format_args!("there is no filter {name:?}; everything is rejected"),
            );
        }
        Ok(Some((name, function.unwrap_or_default())))
    }

    pub(super) fn unknown(&mut self, option: &[Token], what: &str) {
        let Some(first) = option.first() else { return };
        let words: Vec<&str> = option.iter().map_while(Token::word).take(3).collect();
        let place = Place { file: first.file, line: first.line };
        self.remark(
            place,
            RemarkKind::LeftOut,
            format_args!("{what}: {:?} has no counterpart", words.join(" ")),
        );
    }
}

impl<'t> Options<'t> {
    /// The options, with those inside channels such as `ipv4 { … }` in the places of these.
    pub(super) fn flat(&self, files: &'t [String]) -> Vec<&'t [Token]> {
        self.list
            .iter()
            .flat_map(|(option, _)| {
                channel(option, files).map_or_else(|| vec![*option], |(_, inside)| inside)
            })
            .collect()
    }
}

/// The name and the options of a channel, if an option is one.
pub(super) fn channel<'t>(
    option: &'t [Token],
    files: &'t [String],
) -> Option<(&'static str, Vec<&'t [Token]>)> {
    let name = match option.first()?.word()? {
        "ipv4" => "ipv4",
        "ipv6" => "ipv6",
        _ => return None,
    };
    if option.len() == 1 {
        return Some((name, Vec::new()));
    }
    let mut cursor = Cursor::new(option.get(1..)?, files);
    cursor.peek().filter(|token| token.is("{"))?;
    Some((name, body(&mut cursor).ok()?))
}

/// The options in a block in braces, without the `;` of each.
pub(super) fn body<'t>(cursor: &mut Cursor<'t>) -> Result<Vec<&'t [Token]>, BirdError> {
    cursor.expect("{")?;
    let mut options = Vec::new();
    loop {
        if cursor.eat("}") || cursor.peek().is_none() {
            return Ok(options);
        }
        if !cursor.eat(";") {
            options.push(cursor.statement_inside());
        }
    }
}

fn collect_template<'t>(
    kind: &str,
    name: &str,
    templates: &Templates<'t>,
    files: &'t [String],
    options: &mut Options<'t>,
    depth: usize,
) -> Result<(), BirdError> {
    let Some(statement) = templates.get(&(kind.to_owned(), name.to_owned())) else { return Ok(()) };
    let mut cursor = Cursor::new(statement, files);
    if depth > MAX_TEMPLATES {
        return Err(cursor.error("templates take settings from each other in a circle"));
    }
    for _ in 0..3 {
        cursor.next();
    }
    if cursor.eat_word("from") {
        let parent = cursor.word()?.to_owned();
        collect_template(kind, &parent, templates, files, options, depth + 1)?;
    }
    let own = body(&mut cursor)?.into_iter().map(|option| (option, Some(name.to_owned())));
    options.list.extend(own);
    Ok(())
}

const MAX_TEMPLATES: usize = 20;

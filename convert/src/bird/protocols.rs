//! `protocol`: what each kind of protocol becomes.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Secret;
use crate::finish::Draft;
use crate::model::{Kernel, KernelImport, Network, Speaker};
use crate::remark::{Remark, RemarkKind};

use super::BirdError;
use super::bgp::Session;
use super::cursor::Cursor;
use super::expressions;
use super::lowering::{Definitions, Direction, Lowered, Lowering};
use super::statements;
use super::token::{Token, TokenKind};
use super::tree::{Function, Place};

/// The templates of a configuration by kind and name.
pub(super) type Templates<'t> = HashMap<(String, String), &'t [Token]>;

/// Fills the target, protocol by protocol.
pub(crate) struct Reader {
    pub(super) definitions: Definitions,
    pub(super) speaker: Speaker,
    pub(super) lowered: Lowered,
    pub(super) listen: Option<(Option<IpAddr>, u16)>,
    pub(super) sessions: Vec<Session>,
    pub(super) secrets: Vec<Secret>,
    pub(super) password_folder: Option<String>,
    /// The filters between the tables and the kernel, each as part of what peers' routes go through.
    pub(super) kernel_filters: BTreeMap<&'static str, String>,
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
    pub(super) fn new(definitions: Definitions) -> Self {
        Self {
            definitions,
            speaker: Speaker::default(),
            lowered: Lowered::default(),
            listen: None,
            sessions: Vec::new(),
            secrets: Vec::new(),
            password_folder: None,
            kernel_filters: BTreeMap::new(),
            unnamed: 0,
        }
    }

    pub(super) fn remark(&mut self, place: Place, kind: RemarkKind, text: impl Display) {
        let file = self.definitions.files.get(place.file).cloned().unwrap_or_default();
        self.lowered.remarks.insert(Remark { file, line: place.line, kind, text: text.to_string() });
    }

    pub(super) fn into_draft(mut self) -> Draft {
        self.write_sessions();
        if let Some((address, port)) = self.listen {
            let any = || match self.speaker.peers.first().map(|peer| peer.address) {
                Some(IpAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
                _ => Ipv4Addr::UNSPECIFIED.into(),
            };
            self.speaker.listen = vec![(address.unwrap_or_else(any), port).into()];
        }
        let file = self.definitions.files.first().cloned().unwrap_or_default();
        let mut draft = Draft { speaker: self.speaker, secrets: self.secrets, file, ..Draft::default() };
        self.lowered.into_draft(&mut draft);
        draft
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
            "bfd" => {
                self.remark(place, RemarkKind::LeftOut, "protocol bfd: BFD is set for each peer");
                Ok(())
            }
            _ => {
                self.remark(place, RemarkKind::LeftOut, format_args!("protocol {kind} has no counterpart"));
                Ok(())
            }
        }
    }

    fn kernel<'t>(&mut self, options: &Options<'t>, files: &'t [String]) -> Result<(), BirdError> {
        let mut kernel = self.speaker.kernel.take().unwrap_or_default();
        kernel.multipath.get_or_insert(1);
        for option in options.flat(files) {
            let mut cursor = Cursor::new(option, files);
            let place = cursor.place();
            if cursor.eat_word("learn") {
                let all = KernelImport {
                    protocols: vec![
                        "\"boot\"".into(),
                        "\"static\"".into(),
                        "\"dhcp\"".into(),
                        "\"ra\"".into(),
                        "80".into(),
                    ],
                    ..KernelImport::default()
                };
                if !kernel.imports.contains(&all) {
                    kernel.imports.push(all);
                    let text = "learn: routes of other protocols than boot, static, dhcp, ra and 80 have to be added to [[kernel.import]]";
                    self.remark(place, RemarkKind::Note, text);
                }
            } else if cursor.eat_words("kernel table") {
                let table = u32::try_from(cursor.number()?).unwrap_or(254);
                if !kernel.tables.contains(&table) {
                    kernel.tables.push(table);
                }
            } else if cursor.eat_word("metric") {
                kernel.metric = u32::try_from(cursor.number()?).ok().filter(|metric| *metric > 0);
            } else if cursor.eat_words("merge paths") {
                let is_off = cursor.eat_word("off") || cursor.eat_word("no");
                while cursor.peek().is_some() && !cursor.eat_word("limit") {
                    cursor.next();
                }
                let limit = if cursor.peek().is_some() { cursor.number()? } else { 16 };
                kernel.multipath =
                    Some(if is_off { 1 } else { u8::try_from(limit.clamp(1, 128)).unwrap_or(16) });
            } else if cursor.eat_word("export") {
                self.kernel_export(&mut cursor, options)?;
            } else if !KERNEL_DETAILS.iter().any(|word| cursor.eat_word(word)) {
                self.unknown(option, "protocol kernel");
            }
        }
        self.speaker.kernel = Some(kernel);
        Ok(())
    }

    /// What the kernel gets is what peers' routes become: the filter follows the import filters of every peer.
    fn kernel_export(&mut self, cursor: &mut Cursor<'_>, options: &Options<'_>) -> Result<(), BirdError> {
        let place = cursor.place();
        if cursor.eat_word("all") {
            return Ok(());
        }
        if cursor.eat_word("none") {
            self.remark(
                place,
                RemarkKind::LeftOut,
                "export none: routes are put into the kernel nevertheless",
            );
            return Ok(());
        }
        let name = format!("{}-to-kernel", options.name);
        let function = self.filter_of(cursor, &name)?;
        let Some((name, function)) = function else {
            self.remark(place, RemarkKind::LeftOut, "export where: what the kernel gets cannot be selected");
            return Ok(());
        };
        if rejects(&function) {
            let text =
                "a filter towards the kernel cannot reject here: what it rejects is put into the kernel, too";
            self.remark(place, RemarkKind::LeftOut, text);
        }
        let function = Function { body: without_rejects(function.body), ..function };
        let lowered =
            Lowering::new(&self.definitions, &mut self.lowered, Direction::Kernel).filter(&name, &function);
        self.kernel_filters.insert("kernel", lowered);
        Ok(())
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

    fn direct<'t>(&mut self, options: &Options<'t>, files: &'t [String]) -> Result<(), BirdError> {
        let mut import = KernelImport { protocols: vec!["\"kernel\"".into()], ..KernelImport::default() };
        for option in options.flat(files) {
            let mut cursor = Cursor::new(option, files);
            if !cursor.eat_word("interface") {
                if !["debug", "check", "ipv4", "ipv6"].iter().any(|word| cursor.eat_word(word)) {
                    self.unknown(option, "protocol direct");
                }
                continue;
            }
            while let Some(token) = cursor.next() {
                let is_excluded = token.is("-");
                let text = if is_excluded { cursor.next() } else { Some(token) };
                if let Some(TokenKind::Text(glob)) = text.map(|token| &token.kind) {
                    import.interfaces.push(format!("{}{glob}", if is_excluded { "!" } else { "" }));
                }
            }
        }
        let kernel = self.speaker.kernel.get_or_insert_with(Kernel::default);
        if !kernel.imports.contains(&import) {
            kernel.imports.push(import);
        }
        Ok(())
    }

    fn statics<'t>(&mut self, options: &Options<'t>, files: &'t [String]) -> Result<(), BirdError> {
        for option in options.flat(files) {
            let mut cursor = Cursor::new(option, files);
            let place = cursor.place();
            if !cursor.eat_word("route") {
                if !["debug", "check", "import", "ipv4", "ipv6", "igp", "preference", "table"]
                    .iter()
                    .any(|word| cursor.eat_word(word))
                {
                    self.unknown(option, "protocol static");
                }
                continue;
            }
            let net = match expressions::net(&mut cursor) {
                Some(net) => net?,
                None => match expressions::address(&mut cursor) {
                    Some(address) => address.into(),
                    None => {
                        self.unknown(option, "protocol static");
                        continue;
                    }
                },
            };
            let hold = match cursor.next().and_then(Token::word) {
                Some("blackhole" | "drop") => Some("blackhole"),
                Some("unreachable" | "reject") => Some("unreachable"),
                Some("prohibit") => Some("prohibit"),
                _ => {
                    let text = format!("route {net}: a route with a next hop has no counterpart");
                    self.remark(place, RemarkKind::LeftOut, text);
                    continue;
                }
            };
            if cursor.peek().is_some() {
                self.remark(place, RemarkKind::LeftOut, "attributes of a static route are left out");
            }
            self.speaker.networks.insert(net.trunc(), Network { hold, require_route: false });
        }
        Ok(())
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
fn body<'t>(cursor: &mut Cursor<'t>) -> Result<Vec<&'t [Token]>, BirdError> {
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

fn rejects(function: &Function) -> bool {
    fn any(statements: &[super::tree::Statement]) -> bool {
        use super::tree::StatementKind;
        statements.iter().any(|statement| match &statement.kind {
            StatementKind::Reject => true,
            StatementKind::If(_, then, otherwise) => any(then) || any(otherwise),
            _ => false,
        })
    }
    any(&function.body)
}

fn without_rejects(statements: Vec<super::tree::Statement>) -> Vec<super::tree::Statement> {
    use super::tree::{Statement, StatementKind};
    let changed = statements.into_iter().map(|statement| {
        let kind = match statement.kind {
            StatementKind::Reject => StatementKind::Accept,
            StatementKind::If(condition, then, otherwise) => {
                StatementKind::If(condition, without_rejects(then), without_rejects(otherwise))
            }
            kind => kind,
        };
        Statement { kind, ..statement }
    });
    changed.collect()
}

/// Options of the kernel protocol that need nothing here.
const KERNEL_DETAILS: [&str; 9] =
    ["persist", "scan", "import", "graceful", "debug", "device", "description", "table", "learn"];

const MAX_TEMPLATES: usize = 20;

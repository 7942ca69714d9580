//! `protocol kernel` and `protocol direct`.

use std::collections::BTreeMap;

use crate::model::{self, Action, Condition, Kernel, KernelImport, Rule};
use crate::remark::RemarkKind;

use super::BirdError;
use super::cursor::Cursor;
use super::expressions;
use super::lowering::{Direction, Lowering};
use super::protocols::{Options, Reader, channel};
use super::token::{Token, TokenKind};

impl Reader {
    pub(super) fn kernel<'t>(&mut self, options: &Options<'t>, files: &'t [String]) -> Result<(), BirdError> {
        let mut kernel = self.speaker.kernel.take().unwrap_or_default();
        kernel.protocol = Some(BIRDS_PROTOCOL);
        kernel.multipath.get_or_insert(1);
        let mut families = Vec::new();
        let mut export = None;
        for (option, _) in &options.list {
            let inside = match channel(option, files) {
                Some((family, inside)) => {
                    families.push(family);
                    kernel.metric.get_or_insert(METRIC_OF_BIRD_2);
                    inside
                }
                None => vec![*option],
            };
            for option in inside {
                self.kernel_option(&mut kernel, option, files, options, &mut export)?;
            }
        }
        // Without an option, nothing is exported.
        let filter = export.unwrap_or_else(|| Some(self.reject_all()));
        if families.is_empty() {
            families.extend(self.family);
        }
        if families.is_empty() {
            self.kernel_exports.insert("", filter);
        } else {
            let exports = families.into_iter().map(|family| (family, filter.clone()));
            self.kernel_exports.extend(exports);
        }
        self.speaker.kernel = Some(kernel);
        Ok(())
    }

    fn kernel_option(
        &mut self,
        kernel: &mut Kernel,
        option: &[Token],
        files: &[String],
        options: &Options<'_>,
        export: &mut Option<Option<String>>,
    ) -> Result<(), BirdError> {
        let mut cursor = Cursor::new(option, files);
        let place = cursor.place();
        if cursor.eat_word("learn") {
            let all =
                KernelImport { protocols: LEARNED.map(str::to_owned).to_vec(), ..KernelImport::default() };
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
            kernel.multipath = Some(if is_off { 1 } else { u8::try_from(limit.clamp(1, 128)).unwrap_or(16) });
        } else if cursor.eat_word("export") {
            *export = Some(self.kernel_export(&mut cursor, options)?);
        } else if !KERNEL_DETAILS.iter().any(|word| cursor.eat_word(word)) {
            self.unknown(option, "protocol kernel");
        }
        Ok(())
    }

    /// The filter on what is installed; `None` for everything.
    fn kernel_export(
        &mut self,
        cursor: &mut Cursor<'_>,
        options: &Options<'_>,
    ) -> Result<Option<String>, BirdError> {
        if cursor.eat_word("all") {
            return Ok(None);
        }
        if cursor.eat_word("none") {
            return Ok(Some(self.reject_all()));
        }
        let name = format!("{}-to-kernel", options.name);
        let place = cursor.place();
        if cursor.eat_word("where") {
            let condition = expressions::expression(cursor)?;
            let mut lowering = Lowering::new(&self.definitions, &mut self.lowered, Direction::Kernel);
            return Ok(Some(lowering.where_filter(&name, place, &condition)));
        }
        let Some((name, function)) = self.filter_of(cursor, &name)? else {
            self.remark(place, RemarkKind::LeftOut, "that is not a filter; nothing is installed");
            return Ok(Some(self.reject_all()));
        };
        let mut lowering = Lowering::new(&self.definitions, &mut self.lowered, Direction::Kernel);
        Ok(Some(lowering.filter(&name, &function)))
    }

    fn reject_all(&mut self) -> String {
        let reject = Rule::new(Condition::Always, Action::Reject);
        self.lowered.filters.insert("none".to_owned(), vec![reject]);
        "none".to_owned()
    }

    /// Turns the filters of all kernel protocols into one.
    pub(super) fn write_kernel_exports(&mut self) {
        let exports: BTreeMap<&str, Option<String>> = std::mem::take(&mut self.kernel_exports);
        let Some(kernel) = &mut self.speaker.kernel else { return };
        let mut filters: Vec<&Option<String>> = exports.values().collect();
        filters.dedup();
        match filters.as_slice() {
            [] | [None] => {}
            [Some(filter)] => kernel.export = vec![filter.clone()],
            _ => {
                let rule = |(family, filter): (&&str, &Option<String>)| {
                    let action = filter.clone().map_or(Action::Accept, Action::Call);
                    let condition = match *family {
                        "" => Condition::Always,
                        family => Condition::text("family", &format!("{family}-unicast")),
                    };
                    Rule::new(condition, action)
                };
                // The one for all families is the last.
                let rules = exports.iter().rev().map(rule).collect();
                let name = model::name("kernel-by-family");
                kernel.export = vec![name.clone()];
                self.lowered.filters.insert(name, rules);
            }
        }
    }

    /// BIRD prefers routes of peers to those that it learns from the kernel, and gives those of other ASes the usual LOCAL_PREF:
    /// the first filter of each import says so, where it makes a difference.
    pub(super) fn rank_learned_routes(&mut self) {
        let learns = self.speaker.kernel.as_ref().is_some_and(|kernel| !kernel.imports.is_empty());
        if !learns && !self.lowered.needs_local_pref {
            return;
        }
        let set = |condition, key, value: u32| {
            let rule = Rule::new(condition, Action::Continue);
            Rule { set: vec![(key, value.to_string())], ..rule }
        };
        let is_missing = Condition::text("local_pref", "0..").not();
        let mut rules = vec![
            set(Condition::text("peer_kind", "external"), "local_pref", USUAL_LOCAL_PREF),
            set(is_missing, "local_pref", USUAL_LOCAL_PREF),
        ];
        if learns {
            rules.push(set(Condition::Always, "preference", LEARNED_PREFERENCE));
        }
        rules.push(Rule::new(Condition::Always, Action::Accept));
        let mut name = "learned".to_owned();
        while self.lowered.filters.contains_key(&name) {
            name.push('_');
        }
        let peers = self.speaker.peers.iter_mut().map(|peer| &mut peer.settings);
        let ranges: Vec<String> = self.speaker.ranges.iter().map(|range| range.group.clone()).collect();
        let groups = self.speaker.groups.iter_mut().filter(|(name, _)| ranges.contains(name));
        for settings in peers.chain(groups.map(|(_, group)| &mut group.settings)) {
            let others = settings.get("import").map(|list| format!(", {}", list.trim_start_matches('[')));
            let import = format!("[{}{}", model::quoted(&name), others.unwrap_or_else(|| "]".to_owned()));
            settings.insert("import", import);
        }
        self.lowered.filters.insert(name, rules);
    }

    /// BIRD's routes of interfaces have no metric, and filters say what counts in its place: the kernel's own would count here.
    pub(super) fn give_direct_routes_a_metric(&mut self) {
        let rules = self.lowered.filters.values().flatten();
        let default = rules.flat_map(|rule| &rule.set).find_map(|(_, value)| default_metric(value));
        let imports = self.speaker.kernel.iter_mut().flat_map(|kernel| &mut kernel.imports);
        for import in imports.filter(|import| import.protocols == DIRECT) {
            import.metric = default;
        }
    }

    pub(super) fn direct<'t>(&mut self, options: &Options<'t>, files: &'t [String]) -> Result<(), BirdError> {
        let protocols = DIRECT.map(str::to_owned).to_vec();
        let mut import = KernelImport { protocols, ..KernelImport::default() };
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
}

/// What an expression takes for the metric of a route that has none.
fn default_metric(expression: &str) -> Option<u32> {
    let (_, rest) = expression.split_once("(metric or ")?;
    rest.split(')').next()?.parse().ok()
}

/// The protocol of routes that the kernel has for addresses of interfaces.
const DIRECT: [&str; 1] = ["\"kernel\""];

/// The number that marks BIRD's routes: those of the last run of BIRD are taken over.
const BIRDS_PROTOCOL: u8 = 12;

/// What BIRD has for the LOCAL_PREF of routes of other ASes.
const USUAL_LOCAL_PREF: u32 = 100;

/// Above routes of the kernel, which have 150, and below what filters make of a preference above 100.
const LEARNED_PREFERENCE: u32 = 155;

/// The metric of its routes, where no filter sets another.
const METRIC_OF_BIRD_2: u32 = 32;

/// The protocols of routes that `learn` means, as far as they have a name.
const LEARNED: [&str; 5] = ["\"boot\"", "\"static\"", "\"dhcp\"", "\"ra\"", "80"];

/// Options of the kernel protocol that need nothing here.
const KERNEL_DETAILS: [&str; 9] =
    ["persist", "scan", "import", "graceful", "debug", "device", "description", "table", "learn"];

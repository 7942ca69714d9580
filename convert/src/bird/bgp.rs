//! `protocol bgp` and `template bgp`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::Secret;
use crate::model::{self, Action, Condition, DynamicRange, Group, Peer, Rule, Settings, quoted, quoted_list};
use crate::remark::RemarkKind;

use super::BirdError;
use super::cursor::Cursor;
use super::expressions;
use super::lowering::{Direction, Lowering};
use super::protocols::{Options, Reader, channel};
use super::token::{Token, TokenKind};
use super::tree::{Expression, Function, Place};

/// A session before it is known what all have in common.
pub(crate) struct Session {
    name: String,
    place: Place,
    neighbor: Option<Neighbor>,
    template: Option<String>,
    facts: Facts,
    template_facts: Facts,
}

#[derive(Clone)]
enum Neighbor {
    Address(IpAddr),
    Range(IpNet),
}

/// What the options say.
#[derive(Clone, Default)]
struct Facts {
    neighbor: Option<Neighbor>,
    description: Option<String>,
    local_asn: Option<u32>,
    remote_asn: Option<RemoteAsn>,
    cluster_id: Option<Ipv4Addr>,
    /// The number of the confederation, and whether the neighbor is in it.
    confederation: Option<u32>,
    is_member: bool,
    password: Option<String>,
    /// Seconds.
    long_lived: Option<u64>,
    /// The most prefixes that are received or accepted.
    limits: Vec<(&'static str, u64)>,
    settings: Settings,
    /// Families with channels; none in BIRD 1.6.
    families: Vec<&'static str>,
    /// By family, and under no name for all.
    import: BTreeMap<&'static str, Policy>,
    export: BTreeMap<&'static str, Policy>,
}

/// The AS of the neighbor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum RemoteAsn {
    Number(u32),
    Internal,
    External,
}

#[derive(Clone)]
enum Policy {
    All,
    None,
    Where(Place, Expression),
    Filter(String, Function),
}

impl Reader {
    pub(super) fn bgp(&mut self, options: &Options<'_>, files: &[String]) -> Result<(), BirdError> {
        let mut facts = Facts::default();
        for (option, _) in options.list.iter().filter(|(_, template)| template.is_some()) {
            self.option(&mut facts, option, options, files)?;
        }
        let template_facts = facts.clone();
        for (option, _) in options.list.iter().filter(|(_, template)| template.is_none()) {
            self.option(&mut facts, option, options, files)?;
        }
        let Some(neighbor) = facts.neighbor.clone() else {
            let text = format!("protocol bgp {} has no neighbor with an address", options.name);
            self.remark(options.place, RemarkKind::LeftOut, text);
            return Ok(());
        };
        if facts.remote_asn.is_none() {
            let text = format!("protocol bgp {}: the AS of the neighbor is not known", options.name);
            self.remark(options.place, RemarkKind::LeftOut, text);
            return Ok(());
        }
        self.sessions.push(Session {
            name: options.name.clone(),
            place: options.place,
            neighbor: Some(neighbor),
            template: options.template.clone(),
            facts,
            template_facts,
        });
        Ok(())
    }

    fn option(
        &mut self,
        facts: &mut Facts,
        option: &[Token],
        options: &Options<'_>,
        files: &[String],
    ) -> Result<(), BirdError> {
        if let Some((family, inside)) = channel(option, files) {
            if !facts.families.contains(&family) {
                facts.families.push(family);
            }
            for option in inside {
                let mut cursor = Cursor::new(option, files);
                if !self.channel_option(facts, family, &mut cursor, options)? {
                    self.unknown(option, "protocol bgp");
                }
            }
            return Ok(());
        }
        let mut cursor = Cursor::new(option, files);
        let is_known = self.session_option(facts, &mut cursor, options, files)?
            || self.channel_option(facts, "", &mut Cursor::new(option, files), options)?;
        if !is_known {
            self.unknown(option, "protocol bgp");
        }
        Ok(())
    }

    /// An option of the session; `false` if it is none.
    fn session_option(
        &mut self,
        facts: &mut Facts,
        cursor: &mut Cursor<'_>,
        options: &Options<'_>,
        files: &[String],
    ) -> Result<bool, BirdError> {
        let place = cursor.place();
        if cursor.eat_word("bfd") {
            let value = self.session_bfd(cursor, files)?;
            facts.settings.insert("bfd", value);
        } else if cursor.eat_word("neighbor") {
            self.neighbor(facts, cursor)?;
        } else if cursor.eat_words("confederation member") {
            facts.is_member = is_on(cursor);
        } else if cursor.eat_word("confederation") {
            facts.confederation = self.asn(cursor);
        } else if cursor.eat_words("local role") {
            facts.settings.insert("role", quoted(&cursor.word()?.replace('_', "-")));
        } else if cursor.eat_words("require roles") {
            switch(facts, "require_role", cursor);
        } else if cursor.eat_word("local") {
            if let Some(address) = expressions::address(cursor) {
                facts.settings.insert("source_address", quoted(&address.to_string()));
            }
            if cursor.eat_word("as") {
                facts.local_asn = self.asn(cursor);
            }
        } else if cursor.eat_words("source address") {
            if let Some(address) = expressions::address(cursor) {
                facts.settings.insert("source_address", quoted(&address.to_string()));
            }
        } else if cursor.eat_word("description") {
            if let Some(TokenKind::Text(text)) = cursor.next().map(|token| &token.kind) {
                facts.description = Some(text.clone());
            }
        } else if cursor.eat_word("password") {
            if let Some(TokenKind::Text(text)) = cursor.next().map(|token| &token.kind) {
                facts.password = Some(text.clone());
                if self.password_folder.is_none() {
                    let text = format!("the password of {} belongs in a file: password_file", options.name);
                    self.remark(place, RemarkKind::LeftOut, text);
                }
            }
        } else if cursor.eat_word("multihop") {
            let hops = if cursor.peek().is_some() { cursor.number()? } else { 64 };
            facts.settings.insert("multihop", hops.clamp(1, 255).to_string());
        } else if cursor.eat_word("direct") {
            facts.settings.remove("multihop");
        } else if cursor.eat_words("ttl security") {
            switch(facts, "ttl_security", cursor);
        } else if cursor.eat_word("passive") {
            switch(facts, "passive", cursor);
        } else if cursor.eat_words("hold time") {
            facts.settings.insert("hold_time", quoted(&format!("{}s", cursor.number()?)));
        } else if cursor.eat_words("connect retry time") {
            facts.settings.insert("connect_retry", quoted(&format!("{}s", cursor.number()?.max(1))));
        } else if cursor.eat_words("rr client") {
            switch(facts, "rr_client", cursor);
        } else if cursor.eat_words("rr cluster id") {
            if let Some(IpAddr::V4(address)) = expressions::address(cursor) {
                facts.cluster_id = Some(address);
            }
        } else if cursor.eat_words("graceful restart") {
            graceful_restart(facts, cursor)?;
        } else if cursor.eat_words("long lived stale time") {
            facts.long_lived = Some(cursor.number()?.clamp(1, 0xff_ffff));
        } else if cursor.eat_words("keepalive time") {
            facts.settings.insert("keepalive", quoted(&format!("{}s", cursor.number()?.clamp(1, 65535))));
        } else if cursor.eat_words("min hold time") {
            facts.settings.insert("min_hold_time", quoted(&format!("{}s", cursor.number()?)));
        } else if cursor.eat_words("send hold time") {
            facts
                .settings
                .insert("send_hold_time", quoted(&format!("{}s", cursor.number()?.clamp(1, 65535))));
        } else if cursor.eat_words("rs client") {
            switch(facts, "route_server_client", cursor);
        } else if cursor.eat_words("enforce first as") {
            switch(facts, "enforce_first_as", cursor);
        } else if cursor.eat_words("advertise hostname") {
            switch(facts, "advertise_hostname", cursor);
        } else if cursor.eat_words("allow local as") {
            let most = if cursor.peek().is_some() { cursor.number()? } else { u64::MAX };
            if most > MOST_OWN_AS {
                let text = format!("allow local as: the own AS is accepted {MOST_OWN_AS} times at most");
                self.remark(place, RemarkKind::Note, text);
            }
            facts.settings.insert("allow_local_as", most.min(MOST_OWN_AS).to_string());
        } else {
            return Ok(DETAILS.iter().any(|words| cursor.eat_words(words)));
        }
        Ok(true)
    }

    fn neighbor(&mut self, facts: &mut Facts, cursor: &mut Cursor<'_>) -> Result<(), BirdError> {
        if cursor.eat_word("range") {
            if let Some(net) = expressions::net(cursor) {
                facts.neighbor = Some(Neighbor::Range(net?.trunc()));
            }
        } else if let Some(address) = expressions::address(cursor) {
            facts.neighbor = Some(Neighbor::Address(address));
        }
        if cursor.eat("%") || cursor.eat_word("interface") {
            let place = cursor.place();
            cursor.next();
            self.remark(place, RemarkKind::LeftOut, "a neighbor on an interface has no counterpart");
        }
        if cursor.eat_word("port") {
            facts.settings.insert("port", cursor.number()?.clamp(1, 65535).to_string());
        }
        if cursor.eat_word("as") {
            facts.remote_asn = self.asn(cursor).map(RemoteAsn::Number);
        } else if cursor.eat_word("internal") {
            facts.remote_asn = Some(RemoteAsn::Internal);
        } else if cursor.eat_word("external") {
            facts.remote_asn = Some(RemoteAsn::External);
        }
        if cursor.eat_word("port") {
            facts.settings.insert("port", cursor.number()?.clamp(1, 65535).to_string());
        }
        Ok(())
    }

    /// An AS number, or the constant that holds one.
    fn asn(&mut self, cursor: &mut Cursor<'_>) -> Option<u32> {
        match &cursor.next()?.kind {
            TokenKind::Number(number) => u32::try_from(*number).ok(),
            TokenKind::Word(name) => match self.definitions.constants.get(name)? {
                Expression::Number(number) => u32::try_from(*number).ok(),
                _ => None,
            },
            _ => None,
        }
    }

    /// An option of a channel, or of the one channel of BIRD 1.6; `false` if it is none.
    fn channel_option(
        &mut self,
        facts: &mut Facts,
        family: &'static str,
        cursor: &mut Cursor<'_>,
        options: &Options<'_>,
    ) -> Result<bool, BirdError> {
        let place = cursor.place();
        let limit = ["import limit", "receive limit"].into_iter().find(|words| cursor.eat_words(words));
        if let Some(words) = limit {
            let key = if words == "import limit" { "accepted" } else { "received" };
            let most = cursor.number()?.max(1);
            let text = "the action of a limit is to end the session; prefix_limit has restart and warn";
            self.remark(place, RemarkKind::Note, text);
            facts.limits.retain(|(other, _)| *other != key);
            facts.limits.push((key, most));
        } else if cursor.eat_words("export limit") {
            return Ok(false);
        } else if cursor.eat_words("import keep filtered")
            || cursor.eat_words("import table")
            || cursor.eat_words("export table")
        {
            // What peers send is kept as they sent it in any case.
        } else if cursor.eat_word("import") {
            let policy = self.policy(cursor, &format!("{}-import", options.name))?;
            facts.import.insert(family, policy);
        } else if cursor.eat_word("export") {
            let policy = self.policy(cursor, &format!("{}-export", options.name))?;
            facts.export.insert(family, policy);
        } else if cursor.eat_words("next hop address") {
            if let Some(address) = expressions::address(cursor) {
                facts.settings.insert("next_hop", quoted(&address.to_string()));
            }
        } else if cursor.eat_words("next hop") {
            return Ok(self.next_hop(facts, cursor));
        } else if cursor.eat_words("extended next hop") {
            switch(facts, "extended_next_hop", cursor);
        } else if cursor.eat_words("add paths") {
            let mode = match cursor.next().and_then(Token::word) {
                Some("rx") => "receive",
                Some("tx") => "send",
                Some("off" | "no") => "off",
                _ => "both",
            };
            facts.settings.insert("add_path", quoted(mode));
        } else {
            return Ok(CHANNEL_DETAILS.iter().any(|words| cursor.eat_words(words)));
        }
        Ok(true)
    }

    /// `next hop self` and `next hop keep`, for all sessions or those of one kind; `false` for anything else.
    fn next_hop(&mut self, facts: &mut Facts, cursor: &mut Cursor<'_>) -> bool {
        let place = cursor.place();
        let mode = if cursor.eat_word("self") {
            "self"
        } else if cursor.eat_word("keep") {
            "keep"
        } else {
            return false;
        };
        if cursor.eat_word("off") || cursor.eat_word("no") {
            facts.settings.remove("next_hop");
        } else if cursor.eat_word("ebgp") || cursor.eat_word("ibgp") {
            let text =
                format!("next hop {mode} for routes of one kind of peer: write a filter with source_kind");
            self.remark(place, RemarkKind::LeftOut, text);
        } else {
            facts.settings.insert("next_hop", quoted(mode));
        }
        true
    }

    fn policy(&mut self, cursor: &mut Cursor<'_>, name: &str) -> Result<Policy, BirdError> {
        let place = cursor.place();
        if cursor.eat_word("all") {
            return Ok(Policy::All);
        }
        if cursor.eat_word("none") {
            return Ok(Policy::None);
        }
        if cursor.eat_word("where") {
            return Ok(Policy::Where(place, expressions::expression(cursor)?));
        }
        if let Some((name, function)) = self.filter_of(cursor, name)? {
            return Ok(Policy::Filter(name, function));
        }
        self.remark(place, RemarkKind::LeftOut, "that is not a filter; everything is rejected");
        Ok(Policy::None)
    }

    /// Turns all sessions into peers.
    pub(super) fn write_sessions(&mut self) {
        let sessions = std::mem::take(&mut self.sessions);
        // The AS of most sessions and templates is that of the speaker; of two, the one that comes first.
        let of = |facts: &Facts| facts.local_asn;
        let asns: Vec<u32> = sessions
            .iter()
            .flat_map(|session| [of(&session.template_facts), of(&session.facts)])
            .flatten()
            .collect();
        let count = |asn: u32| asns.iter().filter(|&&other| other == asn).count();
        let most = asns.iter().copied().rev().max_by_key(|&asn| count(asn));
        self.speaker.asn = self.speaker.asn.or(most);
        for facts in sessions.iter().map(|session| &session.facts) {
            let confederation = &mut self.speaker.confederation;
            confederation.identifier = confederation.identifier.or(facts.confederation);
            if let (true, Some(RemoteAsn::Number(member))) = (facts.is_member, facts.remote_asn) {
                confederation.members.insert(member);
            }
        }
        for session in sessions {
            self.write_session(session);
        }
    }

    /// A peer takes from its group what it does not say itself: what not all peers of a group have is left to each of them.
    pub(super) fn keep_common_settings_in_groups(&mut self) {
        for (name, group) in &mut self.speaker.groups {
            for peer in self.speaker.peers.iter().filter(|peer| peer.group.as_ref() == Some(name)) {
                group.settings.retain(|key, _| peer.settings.contains_key(key));
            }
        }
    }

    fn write_session(&mut self, session: Session) {
        let Session { name, place: session_place, neighbor, template, mut facts, template_facts } = session;
        let Some(neighbor) = neighbor else { return };
        let address = match &neighbor {
            Neighbor::Address(address) => *address,
            Neighbor::Range(net) => net.addr(),
        };
        if self.speaker.peers.iter().any(|peer| peer.address == address) {
            let text = format!("{name}: another peer has the address {address}, and only one may");
            self.remark(session_place, RemarkKind::LeftOut, text);
            return;
        }
        self.add_policies(&mut facts, &name, super::family_of(address));
        let group =
            template.filter(|_| !matches!(neighbor, Neighbor::Range(_))).map(|name| model::name(&name));
        if let Some(group) = &group {
            let mut settings = template_facts.settings.clone();
            self.add_common(&mut settings, &template_facts);
            self.speaker.groups.entry(group.clone()).or_insert(Group { settings });
        }
        let mut settings = std::mem::take(&mut facts.settings);
        self.add_common(&mut settings, &facts);
        if let Some(password) = facts.password.take() {
            let peer = model::name(&name);
            if let Some(folder) = &self.password_folder {
                settings.insert("password_file", quoted(&format!("{folder}/{peer}")));
            }
            self.secrets.push(Secret { peer, password });
        }
        match neighbor {
            Neighbor::Address(address) => {
                self.speaker.peers.push(Peer {
                    name: Some(name),
                    description: facts.description,
                    address,
                    group,
                    settings,
                });
            }
            Neighbor::Range(range) => {
                let group = model::name(&name);
                settings.remove("passive");
                self.speaker.groups.insert(group.clone(), Group { settings });
                self.speaker.ranges.push(DynamicRange { range, group, limit: None });
            }
        }
    }

    /// What a peer and a group have from the options that are not settings by themselves.
    fn add_common(&self, settings: &mut Settings, facts: &Facts) {
        settings.entry("hold_time").or_insert_with(|| quoted("240s"));
        // A BIRD that is not told otherwise helps others to restart.
        settings.entry("graceful_restart").or_insert_with(|| "{ helper_only = true }".to_owned());
        if let Some(seconds) = facts.long_lived
            && let Some(value) = settings.get_mut("graceful_restart")
        {
            *value = with_long_lived(value, seconds);
        }
        if let Some(bfd) = settings.get_mut("bfd") {
            *bfd = self.with_common_bfd(bfd);
        }
        let limits: Vec<String> = facts.limits.iter().map(|(key, most)| format!("{key} = {most}")).collect();
        if !limits.is_empty() {
            settings.insert("prefix_limit", format!("{{ {} }}", limits.join(", ")));
        }
        let own_asn = facts.local_asn.or(self.speaker.asn);
        if let Some(asn) = facts.local_asn.filter(|_| own_asn != self.speaker.asn) {
            // Routes to and from the peer have this number only.
            settings.insert("local_asn", format!("{{ asn = {asn}, prepend = false, replace = true }}"));
        }
        if let Some(asn) = facts.remote_asn {
            let text = match asn {
                RemoteAsn::Number(asn) => asn.to_string(),
                RemoteAsn::Internal => quoted("internal"),
                RemoteAsn::External => quoted("external"),
            };
            settings.insert("remote_asn", text);
        }
        let is_internal = match facts.remote_asn {
            Some(RemoteAsn::Number(asn)) => Some(asn) == own_asn,
            Some(RemoteAsn::Internal) => true,
            Some(RemoteAsn::External) | None => false,
        };
        let is_client = settings.get("rr_client").is_some_and(|value| value == "true");
        if let Some(cluster) = facts.cluster_id.filter(|_| is_client && is_internal) {
            settings.insert("cluster_id", quoted(&cluster.to_string()));
        }
        if facts.remote_asn.is_some() && !is_internal {
            settings.remove("rr_client");
        }
        // BIRD leaves a next hop in place towards external peers on the same link only.
        let is_inside = is_internal || facts.is_member;
        if facts.remote_asn.is_some() && !is_inside && settings.contains_key("multihop") {
            settings.entry("next_hop").or_insert_with(|| quoted("self"));
        }
        // Without a role, BIRD requires none of the peer. Roles are those of external peers.
        if is_internal {
            settings.remove("role");
        }
        if !settings.contains_key("role") {
            settings.remove("require_role");
        }
        // What is off is not said; a session to several hops is secured by their number.
        for key in [
            "ttl_security",
            "passive",
            "route_server_client",
            "enforce_first_as",
            "extended_next_hop",
            "require_role",
        ] {
            if settings.get(key).is_some_and(|value| value == "false") {
                settings.remove(key);
            }
        }
    }

    fn add_policies(&mut self, facts: &mut Facts, name: &str, own_family: &'static str) {
        let families: Vec<&'static str> =
            if facts.families.is_empty() { vec![own_family] } else { facts.families.clone() };
        let names: Vec<String> = families.iter().map(|family| format!("{family}-unicast")).collect();
        if families != [own_family] {
            facts.settings.insert("families", quoted_list(&names));
        }
        let (import, export) = (std::mem::take(&mut facts.import), std::mem::take(&mut facts.export));
        let import = self.chain(&import, &families, Direction::Import, Policy::All, name);
        let export = self.chain(&export, &families, Direction::Export, Policy::None, name);
        for (key, chain) in [("import", import), ("export", export)] {
            if !chain.is_empty() {
                facts.settings.insert(key, quoted_list(&chain));
            }
        }
    }

    /// The filters of a direction; one for all families, or one that asks for the family.
    fn chain(
        &mut self,
        policies: &BTreeMap<&'static str, Policy>,
        families: &[&'static str],
        direction: Direction,
        default: Policy,
        name: &str,
    ) -> Vec<String> {
        let of = |family| policies.get(family).or_else(|| policies.get("")).unwrap_or(&default);
        let chains: Vec<Option<String>> =
            families.iter().map(|family| self.lowered_policy(of(family), direction, name)).collect();
        match chains.as_slice() {
            [] => Vec::new(),
            [first, rest @ ..] if rest.iter().all(|other| other == first) => first.iter().cloned().collect(),
            _ => {
                let rules = families.iter().zip(&chains).map(|(family, chain)| {
                    let condition = Condition::text("family", &format!("{family}-unicast"));
                    Rule::new(condition, chain.clone().map_or(Action::Accept, Action::Call))
                });
                let suffix = if direction == Direction::Import { "import" } else { "export" };
                let name = model::name(&format!("{name}-{suffix}-by-family"));
                self.lowered.filters.insert(name.clone(), rules.collect());
                vec![name]
            }
        }
    }

    fn lowered_policy(&mut self, policy: &Policy, direction: Direction, name: &str) -> Option<String> {
        let suffix = if direction == Direction::Import { "import" } else { "export" };
        let mut lowering = Lowering::new(&self.definitions, &mut self.lowered, direction);
        match policy {
            Policy::All => None,
            Policy::None => {
                let reject = Rule::new(Condition::Always, Action::Reject);
                self.lowered.filters.insert("none".to_owned(), vec![reject]);
                Some("none".to_owned())
            }
            Policy::Where(place, condition) => {
                Some(lowering.where_filter(&format!("{name}-{suffix}"), *place, condition))
            }
            Policy::Filter(name, function) => Some(lowering.filter(name, function)),
        }
    }
}

fn switch(facts: &mut Facts, key: &'static str, cursor: &mut Cursor<'_>) {
    facts.settings.insert(key, is_on(cursor).to_string());
}

fn is_on(cursor: &mut Cursor<'_>) -> bool {
    !(cursor.eat_word("off") || cursor.eat_word("no"))
}

fn graceful_restart(facts: &mut Facts, cursor: &mut Cursor<'_>) -> Result<(), BirdError> {
    let value = if cursor.eat_word("time") {
        format!("{{ restart_time = \"{}s\" }}", cursor.number()?.clamp(1, 4095))
    } else if cursor.eat_word("aware") {
        "{ helper_only = true }".to_owned()
    } else if cursor.eat_word("off") || cursor.eat_word("no") {
        "false".to_owned()
    } else {
        "true".to_owned()
    };
    let has_time = facts.settings.get("graceful_restart").is_some_and(|value| value.contains("restart_time"));
    if !(has_time && value == "true") {
        facts.settings.insert("graceful_restart", value);
    }
    Ok(())
}

/// A `graceful_restart` with the time that routes may stay after it.
fn with_long_lived(value: &str, seconds: u64) -> String {
    let long_lived = format!("long_lived = \"{seconds}s\"");
    match value {
        "false" => value.to_owned(),
        "true" => format!("{{ {long_lived} }}"),
        table => format!("{}, {long_lived} }}", table.trim_end_matches(" }")),
    }
}

/// The most that `allow_local_as` may say.
const MOST_OWN_AS: u64 = 10;

/// Options that change nothing here, or only how soon a session comes up.
const DETAILS: [&str; 20] = [
    "debug",
    "connect delay time",
    "error wait time",
    "error forget time",
    "startup hold time",
    "disable after error",
    "gateway recursive",
    "missing lladdr",
    "enable route refresh",
    "enable as4",
    "enable extended messages",
    "capabilities on",
    "vrf default",
    "strict bind",
    "check link",
    "free bind",
    "mrtdump",
    "dynamic name",
    "long lived graceful restart",
    "min keepalive time",
];

/// Options of channels that change nothing here.
const CHANNEL_DETAILS: [&str; 7] = [
    "table master",
    "table master4",
    "table master6",
    "debug",
    "gateway recursive",
    "mandatory",
    "preference 100",
];

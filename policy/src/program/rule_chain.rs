//! A rule of a policy or profile as rules of the table.

use ipnet::IpNet;
use margay_cluster::object::{Action, IcmpFields, IpVersion};
use margay_cluster::value::Protocol;

use crate::cover::NetworkCover;
use crate::packet::{End, icmp_protocol};
use crate::rule::{ActiveRule, PortMatch, is_version};
use crate::set::SetKey;

use super::value::{Marks, Match, Ports, Statement};

/// A rule for one family, or for both.
pub(super) struct CompiledRule {
    pub(super) version: Option<IpVersion>,
    /// All of these must match.
    pub(super) matches: Vec<Match>,
    /// None of these may match as a whole: a table's rule has no *or*, so what a rule leaves a choice in is turned
    /// round, and a chain of its own is left at the first that matches.
    pub(super) exceptions: Vec<Vec<Match>>,
}

/// Where the names of sets come from.
pub(super) trait SetNames {
    /// The named sets of a family that together are a set.
    fn names(&self, key: &SetKey, version: IpVersion) -> Vec<String>;
}

/// The rule as rules for both families at once, or for each that it can match in.
pub(super) fn compile(rule: &ActiveRule, sets: &dyn SetNames) -> Vec<CompiledRule> {
    let versions = [IpVersion::V4, IpVersion::V6].into_iter().filter(|version| rule.is_for(*version));
    if !has_family_fields(rule) {
        let versions: Vec<IpVersion> = versions.collect();
        return match versions.as_slice() {
            [] => Vec::new(),
            [version] => for_version(rule, Some(*version), sets).into_iter().collect(),
            _ => for_version(rule, None, sets).into_iter().collect(),
        };
    }
    versions.filter_map(|version| for_version(rule, Some(version), sets)).collect()
}

/// Whether the rule looks at something that is not the same in both families.
fn has_family_fields(rule: &ActiveRule) -> bool {
    let has_addresses = |end: End| {
        let end = rule.end(end);
        !end.nets.is_empty() || !end.not_nets.is_empty() || end.set_keys().next().is_some()
    };
    rule.icmp.is_some()
        || rule.not_icmp.is_some()
        || [End::Source, End::Destination].into_iter().any(has_addresses)
}

/// `None` when no packet of the family can match.
fn for_version(rule: &ActiveRule, version: Option<IpVersion>, sets: &dyn SetNames) -> Option<CompiledRule> {
    let mut compiled = CompiledRule { version, matches: Vec::new(), exceptions: Vec::new() };
    compiled.matches.extend(version.map(Match::Version));
    compiled.add_protocols(rule)?;
    if let Some(version) = version {
        compiled.add_icmp(rule, version);
    }
    for end in [End::Source, End::Destination] {
        if let Some(version) = version {
            compiled.add_addresses(rule, end, version, sets);
        }
        compiled.add_ports(rule, end, sets);
    }
    Some(compiled)
}

impl CompiledRule {
    /// The protocol. `None` when the rule asks for ports of a protocol that has none.
    fn add_protocols(&mut self, rule: &ActiveRule) -> Option<()> {
        let needs_ports = !rule.source.ports.is_empty() || !rule.destination.ports.is_empty();
        match rule.protocol {
            Some(protocol) if needs_ports && !has_ports(protocol) => return None,
            Some(protocol) => self.matches.push(protocols(&[protocol], false)),
            None if needs_ports => self.matches.push(with_ports()),
            None => {}
        }
        if let Some(protocol) = rule.not_protocol {
            self.matches.push(protocols(&[protocol], true));
        }
        Some(())
    }

    fn add_icmp(&mut self, rule: &ActiveRule, version: IpVersion) {
        let number = icmp_protocol(version);
        if let Some(fields) = &rule.icmp {
            self.matches.push(protocols(&[number], false));
            self.matches.extend(icmp(fields, false));
        }
        if let Some(fields) = &rule.not_icmp {
            match icmp(fields, true) {
                None => self.matches.push(protocols(&[number], true)),
                Some(negated) if rule.protocol == Some(number) => self.matches.push(negated),
                // Other protocols have no type that could be another one.
                Some(_) => {
                    let excluded = std::iter::once(protocols(&[number], false)).chain(icmp(fields, false));
                    self.add_exception(excluded);
                }
            }
        }
    }

    fn add_addresses(&mut self, rule: &ActiveRule, end: End, version: IpVersion, sets: &dyn SetNames) {
        let entity = rule.end(end);
        for (networks, is_negated) in [(&entity.nets, false), (&entity.not_nets, true)] {
            if !networks.is_empty() {
                self.matches.push(Match::Networks {
                    end,
                    networks: of_family(networks, version),
                    is_negated,
                });
            }
        }
        let address_set = |set, is_negated| Match::AddressSet { end, set, is_negated };
        for key in &entity.sets {
            let mut names = sets.names(key, version);
            if names.len() == 1 {
                self.matches.extend(names.pop().map(|set| address_set(set, false)));
            } else {
                self.add_exception(names.into_iter().map(|set| address_set(set, true)));
            }
        }
        for key in &entity.not_sets {
            self.matches.extend(sets.names(key, version).into_iter().map(|set| address_set(set, true)));
        }
    }

    fn add_ports(&mut self, rule: &ActiveRule, end: End, sets: &dyn SetNames) {
        let entity = rule.end(end);
        let mut wanted = self.port_matches(&entity.ports, end, sets, false);
        if wanted.len() == 1 {
            self.matches.append(&mut wanted);
        } else if !wanted.is_empty() {
            let others = self.port_matches(&entity.ports, end, sets, true);
            self.add_exception(std::iter::once(with_ports()).chain(others));
            // The header must be there to be read: otherwise the exception could not match, nor the rule that follows.
            self.matches.push(Match::Port { end, ports: Ports::all(), is_negated: false });
        }
        if rule.protocol.is_some_and(has_ports) {
            self.matches.extend(self.port_matches(&entity.not_ports, end, sets, true));
        } else {
            // Packets without ports do not have the excluded ones.
            for excluded in self.port_matches(&entity.not_ports, end, sets, false) {
                self.add_exception([with_ports(), excluded]);
            }
        }
    }

    /// Adds matches that must not hold all at once.
    fn add_exception(&mut self, matches: impl IntoIterator<Item = Match>) {
        self.exceptions.push(self.version.map(Match::Version).into_iter().chain(matches).collect());
    }

    /// One match for the numbers, and one for each name.
    fn port_matches(&self, ports: &PortMatch, end: End, sets: &dyn SetNames, is_negated: bool) -> Vec<Match> {
        let numbers = (!ports.ranges.is_empty()).then(|| Match::Port {
            end,
            ports: Ports::new(&ports.ranges),
            is_negated,
        });
        let named = ports.named.iter().filter_map(|key| Some(sets.names(key, self.version?))).flatten();
        numbers.into_iter().chain(named.map(|set| Match::PortSet { end, set, is_negated })).collect()
    }
}

fn has_ports(protocol: u8) -> bool {
    Protocol::Number(protocol).has_ports()
}

fn protocols(numbers: &[u8], is_negated: bool) -> Match {
    Match::Protocol { numbers: numbers.to_vec(), is_negated }
}

/// The protocols that have ports.
fn with_ports() -> Match {
    protocols(&[Protocol::Tcp.number(), Protocol::Udp.number(), Protocol::Sctp.number()], false)
}

/// The match of type and code; `None` when any will do. The code is never matched without the type.
fn icmp(fields: &IcmpFields, is_negated: bool) -> Option<Match> {
    Some(Match::Icmp { icmp_type: fields.icmp_type?, code: fields.code, is_negated })
}

/// The networks of a family, those inside of others left out.
fn of_family(networks: &[IpNet], version: IpVersion) -> Vec<IpNet> {
    let of_family = networks.iter().copied().filter(|network| is_version(network.addr(), version));
    of_family.collect::<NetworkCover>().outermost().collect()
}

/// What an action does.
pub(super) fn statements(action: Action, marks: Marks, log_prefix: &str) -> Vec<Statement> {
    let marked = |set: u32| vec![Statement::Count, Statement::Mark { clear: 0, set }, Statement::Return];
    match action {
        Action::Allow => marked(marks.accept),
        Action::Pass => marked(marks.pass),
        Action::Deny => vec![Statement::Count, Statement::Drop],
        Action::Log => vec![Statement::Count, Statement::Log { prefix: log_prefix.to_owned() }],
    }
}

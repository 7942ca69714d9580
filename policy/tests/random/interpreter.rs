//! Runs a program on a packet as nftables does: rules in order, and a match that cannot read its field fails.

use std::net::IpAddr;

use margay_cluster::object::IpVersion;
use margay_policy::{
    End, Marks, Match, Outcome, Packet, PortMember, Program, SetElements, Statement, Transport,
};

/// What becomes of a packet that enters at a chain.
pub(crate) fn run(program: &Program, chain: &str, packet: &Packet, marks: Marks) -> Outcome {
    // Bits of others must not matter, nor marks that are left from another judgement.
    let mut machine = Machine { program, packet, mark: 0x8000_0001 | marks.accept | marks.pass };
    match machine.chain(chain, 0) {
        Flow::Dropped => Outcome::Deny,
        Flow::Continues => {
            assert_eq!(
                machine.mark & !(marks.accept | marks.pass),
                0x8000_0001,
                "bits of others are left alone"
            );
            if machine.mark & marks.accept != 0 { Outcome::Allow } else { Outcome::Undecided }
        }
    }
}

enum Flow {
    Dropped,
    Continues,
}

struct Machine<'p> {
    program: &'p Program,
    packet: &'p Packet,
    mark: u32,
}

impl Machine<'_> {
    fn chain(&mut self, name: &str, depth: usize) -> Flow {
        assert!(depth < 16, "nftables refuses deeper jumps");
        for rule in &self.program.chains[name].rules {
            if !self.matches(&rule.matches) {
                continue;
            }
            for statement in &rule.statements {
                match statement {
                    Statement::Count | Statement::Log { .. } => {}
                    Statement::Mark { clear, set } => self.mark = self.mark & !clear | set,
                    Statement::Jump(chain) => {
                        if let Flow::Dropped = self.chain(chain, depth + 1) {
                            return Flow::Dropped;
                        }
                    }
                    Statement::Return => return Flow::Continues,
                    Statement::Drop => return Flow::Dropped,
                }
            }
        }
        Flow::Continues
    }

    /// Whether all match, in order. What reads a header must come after a match of its protocol: the kernel would read
    /// whatever stands there.
    fn matches(&self, matches: &[Match]) -> bool {
        let mut version = None;
        for one in matches {
            if let Match::Networks { .. } | Match::AddressSet { .. } | Match::PortSet { .. } = one {
                assert!(version.is_some(), "reads an address without a match of the version: {matches:?}");
            }
            let holds = match one {
                Match::Version(wanted) => {
                    version = Some(*wanted);
                    (*wanted == IpVersion::V4) == self.packet.source.is_ipv4()
                }
                Match::Protocol { numbers, is_negated } => {
                    numbers.contains(&self.packet.protocol) != *is_negated
                }
                Match::Networks { end, networks, is_negated } => {
                    let address = self.address(*end);
                    networks.iter().any(|network| network.contains(&address)) != *is_negated
                }
                Match::AddressSet { end, set, is_negated } => self.is_in(set, *end) != *is_negated,
                Match::PortSet { end, set, is_negated } => self.has_port_in(set, *end) != *is_negated,
                Match::Port { end, ports, is_negated } => {
                    let port = self.port(*end);
                    ports.ranges().iter().any(|range| range.contains(&port)) != *is_negated
                }
                Match::Icmp { icmp_type, code, is_negated } => self.is_icmp(*icmp_type, *code) != *is_negated,
                Match::Mark { bits, is_set } => (self.mark & bits == *bits) == *is_set,
            };
            if !holds {
                return false;
            }
        }
        true
    }

    fn address(&self, end: End) -> IpAddr {
        match end {
            End::Source => self.packet.source,
            End::Destination => self.packet.destination,
        }
    }

    fn port(&self, end: End) -> u16 {
        match (self.packet.transport, end) {
            (Transport::Ports { source, .. }, End::Source) => source,
            (Transport::Ports { destination, .. }, End::Destination) => destination,
            (Transport::Icmp { .. } | Transport::Other, _) => {
                panic!("reads a port of a packet that has none")
            }
        }
    }

    fn is_icmp(&self, wanted: u8, wanted_code: Option<u8>) -> bool {
        let Transport::Icmp { icmp_type, code } = self.packet.transport else {
            panic!("reads an ICMP type of a packet that has none")
        };
        wanted == icmp_type && wanted_code.is_none_or(|wanted| wanted == code)
    }

    fn is_in(&self, set: &str, end: End) -> bool {
        let address = self.address(end);
        match &self.program.sets[set].elements {
            SetElements::Addresses(addresses) => addresses.contains(&address),
            SetElements::Networks(networks) => networks.iter().any(|network| network.contains(&address)),
            SetElements::Ports(_) => panic!("an address is looked up among ports"),
        }
    }

    fn has_port_in(&self, set: &str, end: End) -> bool {
        let member =
            PortMember { address: self.address(end), protocol: self.packet.protocol, port: self.port(end) };
        match &self.program.sets[set].elements {
            SetElements::Ports(ports) => ports.contains(&member),
            _ => panic!("a port is looked up among addresses"),
        }
    }
}

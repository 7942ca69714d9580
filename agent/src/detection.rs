//! Finding the node's address.

use std::net::{IpAddr, UdpSocket};
use std::str::FromStr;

use ipnet::IpNet;
use margay_reconcile::LinkName;
use regex_lite::Regex;

use crate::uplinks::{NodeLink, Uplinks};

/// How an address of the node is found. Calico's methods.
#[derive(Clone, Debug)]
pub(crate) enum Detection {
    /// The first usable address of the first link that is not one of containers or tunnels.
    FirstFound,
    /// The address that packets to a destination would have.
    CanReach(String),
    /// The first usable address of links whose names match, in the order of the expressions.
    Interface(Vec<Regex>),
    /// As [`FirstFound`](Self::FirstFound), without links whose names match.
    SkipInterface(Vec<Regex>),
    /// The first usable address in one of the prefixes.
    Cidr(Vec<IpNet>),
    /// This address.
    Fixed(IpNet),
    /// No address.
    None,
}

impl FromStr for Detection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (method, value) = text.split_once('=').unwrap_or((text, ""));
        let list = || value.split(',').filter(|part| !part.is_empty());
        let expressions = || -> Result<Vec<Regex>, String> {
            let parse = |part: &str| Regex::new(part).map_err(|error| format!("{part:?}: {error}"));
            list().map(parse).collect()
        };
        match method {
            "first-found" => Ok(Self::FirstFound),
            "none" => Ok(Self::None),
            "can-reach" if !value.is_empty() => Ok(Self::CanReach(value.to_owned())),
            "interface" if !value.is_empty() => expressions().map(Self::Interface),
            "skip-interface" if !value.is_empty() => expressions().map(Self::SkipInterface),
            "cidr" if !value.is_empty() => {
                let parse = |part: &str| part.parse().map_err(|_| format!("{part:?} is not a prefix"));
                list().map(parse).collect::<Result<_, _>>().map(Self::Cidr)
            }
            _ => text.parse().map(Self::Fixed).map_err(|_| {
                format!(
                    "{text:?} is not a method: first-found, can-reach=HOST, interface=REGEX, skip-interface=REGEX, cidr=PREFIX, an address with its prefix length, or none"
                )
            }),
        }
    }
}

impl Detection {
    /// The address of a family, with the length of its subnet; `Ok(None)` when none is wanted.
    ///
    /// # Errors
    ///
    /// Why none is found.
    pub(crate) fn find(&self, links: &Uplinks, is_ipv4: bool) -> Result<Option<IpNet>, String> {
        let nothing = |what: &str| Err(format!("no interface has a usable address {what}"));
        let found = match self {
            Self::None => return Ok(None),
            Self::Fixed(address) => return Ok(Some(*address)),
            Self::FirstFound => first(links, is_ipv4, is_of_node),
            Self::SkipInterface(skipped) => first(links, is_ipv4, |name| {
                is_of_node(name) && !skipped.iter().any(|expression| matches(expression, name))
            }),
            Self::Interface(expressions) => expressions
                .iter()
                .find_map(|expression| first(links, is_ipv4, |name| matches(expression, name))),
            Self::Cidr(prefixes) => usable(links, is_ipv4, &is_of_node)
                .find(|address| prefixes.iter().any(|prefix| prefix.contains(&address.addr()))),
            Self::CanReach(destination) => {
                let source = source_towards(destination, is_ipv4)
                    .map_err(|error| format!("{destination}: {error}"))?;
                usable(links, is_ipv4, &|_| true).find(|address| address.addr() == source)
            }
        };
        found.map_or_else(|| nothing(&format!("by {self:?}")), |address| Ok(Some(address)))
    }
}

fn first(links: &Uplinks, is_ipv4: bool, selects: impl Fn(&LinkName) -> bool) -> Option<IpNet> {
    usable(links, is_ipv4, &selects).next()
}

/// Addresses that others can reach, of links that are on.
fn usable<'a>(
    links: &'a Uplinks,
    is_ipv4: bool,
    selects: &'a dyn Fn(&LinkName) -> bool,
) -> impl Iterator<Item = IpNet> + 'a {
    let addresses = |link: &'a NodeLink| link.addresses.iter().copied();
    let of_links = links.0.iter().filter(move |(name, link)| link.is_up && selects(name));
    of_links.flat_map(move |(_, link)| addresses(link)).filter(move |address| {
        let is_usable = match address.addr() {
            IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local(),
            IpAddr::V6(address) => !address.is_loopback() && !address.is_unicast_link_local(),
        };
        is_usable && address.addr().is_ipv4() == is_ipv4
    })
}

/// Whether a link is one of the node, and not of containers, tunnels or bridges of other programs.
fn is_of_node(name: &LinkName) -> bool {
    let name = name.as_str();
    name != "lo" && !OTHERS.iter().any(|prefix| name.starts_with(prefix))
}

fn matches(expression: &Regex, name: &LinkName) -> bool {
    // An expression without anchors stands for the whole name.
    expression.find(name.as_str()).is_some_and(|found| found.len() == name.as_str().len())
}

/// The source address of packets to a destination; nothing is sent.
fn source_towards(destination: &str, is_ipv4: bool) -> std::io::Result<IpAddr> {
    let socket = UdpSocket::bind(if is_ipv4 { "0.0.0.0:0" } else { "[::]:0" })?;
    socket.connect((destination, 53))?;
    socket.local_addr().map(|address| address.ip())
}

/// What the names of links begin with that are not the node's. Calico's list.
const OTHERS: &[&str] = &[
    "docker",
    "cbr",
    "dummy",
    "virbr",
    "lxcbr",
    "veth",
    "cali",
    "tunl",
    "flannel",
    "kube-ipvs",
    "cni",
    "vxlan.calico",
    "vxlan-v6.calico",
    "wireguard.cali",
    "wg-v6.cali",
    "nodelocaldns",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Detection, NodeLink, Uplinks};

    fn links() -> Uplinks {
        let link = |is_up: bool, addresses: &[&str]| NodeLink {
            is_up,
            mtu_octets: 1500,
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        };
        Uplinks(BTreeMap::from([
            ("cali1".parse().unwrap(), link(true, &["10.1.0.1/32"])),
            ("docker0".parse().unwrap(), link(true, &["172.17.0.1/16"])),
            ("ens1".parse().unwrap(), link(false, &["10.9.0.1/24"])),
            ("ens2".parse().unwrap(), link(true, &["169.254.7.7/16", "fe80::1/64"])),
            ("eth0".parse().unwrap(), link(true, &["10.0.0.1/24", "fd00::1/64"])),
            ("eth10".parse().unwrap(), link(true, &["10.2.0.1/24"])),
            ("lo".parse().unwrap(), link(true, &["127.0.0.1/8"])),
        ]))
    }

    fn find(method: &str, is_ipv4: bool) -> Result<Option<String>, String> {
        let detection: Detection = method.parse()?;
        Ok(detection.find(&links(), is_ipv4)?.map(|address| address.to_string()))
    }

    #[test]
    fn each_method_finds_its_address() {
        let cases = [
            ("first-found", true, Some("10.0.0.1/24")),
            ("first-found", false, Some("fd00::1/64")),
            ("interface=eth10", true, Some("10.2.0.1/24")),
            ("interface=nothing,eth.*", true, Some("10.0.0.1/24")),
            ("interface=docker0", true, Some("172.17.0.1/16")),
            ("skip-interface=eth0", true, Some("10.2.0.1/24")),
            ("cidr=192.0.2.0/24,10.2.0.0/16", true, Some("10.2.0.1/24")),
            ("192.0.2.7/24", true, Some("192.0.2.7/24")),
            ("none", true, None),
        ];
        for (method, is_ipv4, expected) in cases {
            assert_eq!(find(method, is_ipv4), Ok(expected.map(str::to_owned)), "{method}");
        }
        for method in [
            "interface=eth1",
            "cidr=192.0.2.0/24",
            "skip-interface=eth.*",
            "interface=(",
            "first",
            "cidr=x",
            "interface=",
        ] {
            assert!(find(method, true).is_err(), "{method}");
        }
    }
}

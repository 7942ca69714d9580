//! Any number of routers and raw clients in one AS on one segment, numbered by the last octet of their address.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::{Deref, DerefMut};

use margay_lab::{
    Bird, Family, Frr, Lab, Margay, Namespace, PeerSettings, Router, RouterSettings, Segment, wait_until,
};

use crate::pair::{MARGAY_ASN, PATIENCE, binaries, host, with_length};
use crate::route_client::{Attributes, Identity, RouteClient, attribute};

/// The segment. Each router announces at most one network, whose third octet is the router's number.
pub(crate) struct Wire {
    segment: Segment,
    lab: Lab,
}

/// A raw client of a router.
pub(crate) struct WireClient {
    client: RouteClient,
    number: u8,
}

impl Wire {
    pub(crate) fn new() -> Self {
        let lab = Lab::new().unwrap();
        Self { segment: lab.segment("wire").unwrap(), lab }
    }

    /// A namespace with some addresses.
    pub(crate) fn place(&self, label: &str, numbers: &[u8]) -> Namespace {
        let namespace = self.lab.namespace(label).unwrap();
        let addresses: Vec<String> = numbers.iter().map(|&number| with_length(address(number))).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        self.segment.attach(&namespace, "eth0", &addresses).unwrap();
        namespace
    }

    /// A margay that is not started.
    pub(crate) fn margay(&self, label: &str, number: u8, adjust: impl FnOnce(&mut RouterSettings)) -> Margay {
        self.margay_at(&self.place(label, &[number]), number, adjust)
    }

    /// A margay that is not started, in a namespace that is there.
    pub(crate) fn margay_at(
        &self,
        place: &Namespace,
        number: u8,
        adjust: impl FnOnce(&mut RouterSettings),
    ) -> Margay {
        Margay::new(place, settings(number, adjust), &binaries())
    }

    /// A BIRD that is not started.
    pub(crate) fn bird(&self, label: &str, number: u8, adjust: impl FnOnce(&mut RouterSettings)) -> Bird {
        Bird::new(&self.place(label, &[number]), settings(number, adjust))
    }

    /// An FRR that is not started.
    pub(crate) fn frr(&self, label: &str, number: u8, adjust: impl FnOnce(&mut RouterSettings)) -> Frr {
        Frr::new(&self.place(label, &[number]), settings(number, adjust))
    }

    /// A raw client's session with a router, as soon as that takes it.
    pub(crate) fn dial(&self, from: &Namespace, number: u8, router: u8, add_path: bool) -> WireClient {
        self.dial_as(from, number, router, Identity { add_path, ..plain_identity(number) })
    }

    /// The same with a raw client that marks the beginning and end of a route refresh.
    pub(crate) fn dial_refreshing(&self, from: &Namespace, number: u8, router: u8) -> WireClient {
        self.dial_as(from, number, router, Identity { refreshes: true, ..plain_identity(number) })
    }

    fn dial_as(&self, from: &Namespace, number: u8, router: u8, identity: Identity) -> WireClient {
        let client = wait_until(PATIENCE, &format!("the session of {number} with {router}"), || {
            RouteClient::establish(from, address(number), address(router), identity)
                .map_err(|error| error.to_string())
        });
        WireClient { client, number }
    }
}

impl WireClient {
    /// Announces a network with plain attributes.
    pub(crate) fn announce_network(&mut self, network: u8) {
        self.announce_with(network, &plain());
    }

    pub(crate) fn announce_with(&mut self, network: u8, attributes: &[u8]) {
        let next_hop = address(self.number);
        self.client.announce(&[(ipv4_network(network).into(), 24)], 0, next_hop, attributes).unwrap();
    }

    pub(crate) fn withdraw_network(&mut self, network: u8) {
        self.client.withdraw(&[(ipv4_network(network).into(), 24)], 0).unwrap();
    }

    /// Waits until exactly these networks have been received.
    #[track_caller]
    pub(crate) fn wait_for(&self, networks: &[u8]) {
        let mut expected: Vec<String> = networks.iter().map(|&number| network(number)).collect();
        expected.sort();
        wait_until(PATIENCE, &format!("the networks {networks:?} at {}", self.number), || {
            let table = self.client.table();
            let mut seen: Vec<&String> = table.keys().map(|key| &key.prefix).collect();
            seen.sort();
            if seen.iter().copied().eq(&expected) { Ok(()) } else { Err(format!("{seen:?}")) }
        });
    }

    /// The route to a network.
    #[track_caller]
    pub(crate) fn route(&self, number: u8) -> Attributes {
        let table = self.client.table();
        let route = table.into_iter().find(|(key, _)| key.prefix == network(number));
        route.unwrap_or_else(|| panic!("no route to {}", network(number))).1
    }
}

impl Deref for WireClient {
    type Target = RouteClient;

    fn deref(&self) -> &RouteClient {
        &self.client
    }
}

impl DerefMut for WireClient {
    fn deref_mut(&mut self) -> &mut RouteClient {
        &mut self.client
    }
}

/// Waits until a router has learned exactly these networks.
#[track_caller]
pub(crate) fn wait_for_networks(router: &dyn Router, networks: &[u8]) {
    let mut expected: Vec<String> = networks.iter().map(|&number| network(number)).collect();
    expected.sort();
    wait_until(PATIENCE, &format!("the networks {networks:?} at {router:?}"), || {
        let routes = router.routes().map_err(|error| format!("{error:#}"))?;
        if routes.keys().eq(&expected) { Ok(()) } else { Err(format!("{routes:?}")) }
    });
}

fn settings(number: u8, adjust: impl FnOnce(&mut RouterSettings)) -> RouterSettings {
    let mut settings = RouterSettings::new(MARGAY_ASN, identifier(number).into());
    adjust(&mut settings);
    settings.peers.iter_mut().for_each(|peer| peer.local_address = Some(address(number)));
    settings
}

/// An ordinary peer, called `peer` and its number.
pub(crate) fn peer(number: u8) -> PeerSettings {
    PeerSettings::new(&format!("peer{number}"), address(number), MARGAY_ASN)
}

/// A client in a cluster, called `peer` and its number.
pub(crate) fn client(number: u8, cluster: [u8; 4]) -> PeerSettings {
    PeerSettings { client_of: Some(cluster.into()), ..peer(number) }
}

/// The network of a router.
pub(crate) fn network(number: u8) -> String {
    format!("{}/24", ipv4_network(number))
}

pub(crate) fn address(number: u8) -> IpAddr {
    host(Family::Ipv4, number)
}

pub(crate) fn identifier(number: u8) -> [u8; 4] {
    [192, 0, 2, number]
}

/// A client without extras.
pub(crate) fn plain_identity(number: u8) -> Identity {
    Identity { asn: 64_512, identifier: identifier(number), add_path: false, refreshes: false }
}

/// ORIGIN, an empty AS_PATH, LOCAL_PREF 100.
pub(crate) fn plain() -> Vec<u8> {
    [attribute(0x40, 1, &[0]), attribute(0x40, 2, &[]), attribute(0x40, 5, &[0, 0, 0, 100])].concat()
}

/// ORIGINATOR_ID.
pub(crate) fn originator(route: &Attributes) -> Option<[u8; 4]> {
    route.get(&9).and_then(|(_, value)| value.as_slice().try_into().ok())
}

/// CLUSTER_LIST.
pub(crate) fn clusters(route: &Attributes) -> Vec<[u8; 4]> {
    let octets = route.get(&10).map(|(_, value)| value.as_slice()).unwrap_or_default();
    octets.chunks_exact(4).map(|cluster| cluster.try_into().expect("four octets")).collect()
}

fn ipv4_network(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 65, number, 0)
}

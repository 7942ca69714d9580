//! A reload that changes filters: sessions stay, and each peer is sent the difference.

use margay_lab::{Bird, Margay, PeerSettings, Router, RouterSettings, wait_until};

use crate::pair::{PATIENCE, wait_for_state};
use crate::route_client::{ReceivedCounts, attribute};
use crate::wire::{
    Wire, WireClient, address, client, clusters, identifier, network, peer, plain, wait_for_networks,
};

#[test]
fn filters_change_in_a_running_session_and_only_the_difference_is_advertised() {
    let mut scene = Scene::new();
    let all = [50, 51, 52];
    scene.wait(&all, &all);

    // Fewer routes are advertised to all clients, and then only to one of them.
    scene.reload(|margay| {
        margay.settings().peers[1..].iter_mut().for_each(|peer| peer.extra = export("but-50"))
    });
    scene.wait(&[51, 52], &[51, 52]);
    scene.reload(|margay| margay.settings().peers[2].extra = export("only-52"));
    scene.wait(&[51, 52], &[52]);
    assert_eq!(scene.reader.counts(), ReceivedCounts { reached: 3, withdrawn: 2 });
    scene.reload(|margay| margay.settings().peers[1..].iter_mut().for_each(|peer| peer.extra.clear()));
    scene.wait(&all, &all);
    assert_eq!(scene.reader.counts(), ReceivedCounts { reached: 5, withdrawn: 2 });
    scene.assert_one_group();

    // Less is used of what the source announced long ago, and then all of it again.
    scene.reload(|margay| margay.settings().peers[0].extra = "import = [\"only-52\"]".to_owned());
    scene.wait(&[52], &[52]);
    scene.reload(|margay| margay.settings().peers[0].extra.clear());
    scene.wait(&all, &all);
    assert_eq!(scene.reader.counts(), ReceivedCounts { reached: 7, withdrawn: 4 });
    scene.assert_undisturbed();
}

#[test]
fn the_cluster_and_the_clients_change_in_running_sessions() {
    let mut scene = Scene::new();
    scene.wait(&[50, 51, 52], &[50, 51, 52]);
    assert_eq!(clusters(&scene.reader.route(50)), [identifier(1)]);

    let no_cluster_of_its_own = |margay: &mut Margay| {
        for peer in &mut margay.settings().peers {
            peer.client_of = None;
            peer.extra = "rr_client = true".to_owned();
        }
    };
    scene.reload(|margay| {
        no_cluster_of_its_own(margay);
        margay.settings().global = "cluster_id = \"0.0.0.9\"".to_owned();
    });
    wait_until(PATIENCE, "the other cluster", || {
        let clusters = clusters(&scene.reader.route(50));
        if clusters == [[0, 0, 0, 9]] { Ok(()) } else { Err(format!("{clusters:?}")) }
    });
    scene.reload(|margay| margay.settings().global += "\nclient_to_client = false");
    scene.wait(&[], &[]);
    // Clients' routes are still advertised to a non-client.
    scene.reload(|margay| margay.settings().peers[2].extra.clear());
    scene.wait(&[], &[50, 51, 52]);
    scene.assert_undisturbed();
}

/// RFC 4456 §8: it has come round, whether the client is configured itself or may dial in.
#[test]
fn what_has_been_through_the_cluster_of_a_client_that_is_added_is_refused_from_then_on() {
    let range = "[peer_group.nodes]\nremote_asn = 64512\nrr_client = true\ncluster_id = \"0.0.0.9\"\n\
                 [[dynamic_peers]]\nrange = \"172.16.0.64/28\"\ngroup = \"nodes\"\n";
    let added: [fn(&mut RouterSettings, &str); 2] = [
        |settings, _| {
            settings.peers.push(PeerSettings { local_address: Some(address(1)), ..client(13, NINE) })
        },
        |settings, range| settings.extra += range,
    ];
    for add in added {
        let mut scene = Scene::new();
        let mut attributes = plain();
        attributes.extend(attribute(0x80, 9, &identifier(77)));
        attributes.extend(attribute(0x80, 10, &NINE));
        scene.source.announce_with(50, &attributes);
        wait_until(PATIENCE, "the route that went through the cluster", || {
            let route = scene.reader.table().into_values().find(|route| clusters(route).contains(&NINE));
            route.map(drop).ok_or("none")
        });
        scene.reload(|margay| add(margay.settings(), range));
        scene.wait(&[51, 52], &[51, 52]);
        scene.assert_undisturbed();
    }
}

#[test]
fn a_peer_gets_another_name_in_its_running_session() {
    let mut scene = Scene::new();
    scene.wait(&[50, 51, 52], &[50, 51, 52]);
    scene.reload(|margay| margay.settings().peers[0].name = "source".to_owned());
    assert!(scene.margay.log().unwrap().contains("peer source changed: name: session kept"));
    let detail = scene.margay.json("show peer source").unwrap();
    assert_eq!(detail["state"], "established", "{detail}");
    let explained = scene.margay.cli(&format!("explain {}", network(50))).unwrap();
    assert!(explained.contains("source") && !explained.contains("peer11"), "{explained}");
    scene.source.announce_network(53);
    scene.wait(&[50, 51, 52, 53], &[50, 51, 52, 53]);
    assert_eq!(scene.reader.counts(), ReceivedCounts { reached: 4, withdrawn: 0 });
    scene.assert_undisturbed();
}

/// A reflector with a source, a BIRD and a raw reader as clients.
struct Scene {
    margay: Margay,
    bird: Bird,
    reader: WireClient,
    source: WireClient,
    _wire: Wire,
}

impl Scene {
    fn new() -> Self {
        let wire = Wire::new();
        let mut margay = wire.margay("reflector", 1, |settings| {
            // The peers connect by themselves, so that no connections collide.
            settings.peers = [11, 2, 12]
                .map(|number| PeerSettings { passive: true, ..client(number, identifier(1)) })
                .into();
            settings.extra = filter("but-50", &format!("prefix = \"{}\"", network(50)), "reject", "accept")
                + &filter("only-52", &format!("prefix = \"{}\"", network(52)), "accept", "reject");
        });
        let mut bird = wire.bird("bird", 2, |settings| settings.peers = vec![peer(1)]);
        margay.start().unwrap();
        bird.start().unwrap();
        let raw = wire.place("raw", &[11, 12]);
        let [mut source, reader] = [11, 12].map(|number| wire.dial(&raw, number, 1, false));
        wait_for_state(&margay, "peer2", |state| state == "established", "established");
        [50, 51, 52].into_iter().for_each(|number| source.announce_network(number));
        assert_eq!(established(&margay.log().unwrap()), PEERS);
        Self { margay, bird, reader, source, _wire: wire }
    }

    fn reload(&mut self, change: impl FnOnce(&mut Margay)) {
        change(&mut self.margay);
        self.margay.reload().unwrap();
    }

    #[track_caller]
    fn wait(&self, bird: &[u8], reader: &[u8]) {
        wait_for_networks(&self.bird, bird);
        self.reader.wait_for(reader);
    }

    #[track_caller]
    fn assert_one_group(&self) {
        let groups = [11, 2, 12].map(|number| {
            let detail = self.margay.json(&format!("show peer peer{number}")).unwrap();
            detail["export_groups"][0]["group"].as_u64().unwrap()
        });
        assert!(groups.iter().all(|group| *group == groups[0]), "{groups:?}");
    }

    /// No session has ended, and none has begun since.
    #[track_caller]
    fn assert_undisturbed(&self) {
        assert!(!self.reader.is_closed());
        let log = self.margay.log().unwrap();
        assert!(!log.contains("bug:"));
        assert_eq!((established(&log), log.contains("left peer")), (PEERS, false), "{log}");
    }
}

const PEERS: usize = 3;

/// A cluster id of four octets.
const NINE: [u8; 4] = [0, 0, 0, 9];

fn established(log: &str) -> usize {
    log.matches(": established peer=").count()
}

fn export(filter: &str) -> String {
    format!("export = [\"{filter}\"]")
}

fn filter(name: &str, matches: &str, action: &str, otherwise: &str) -> String {
    format!(
        "[filter.{name}]\nrules = [{{ match = {{ {matches} }}, action = \"{action}\" }}, {{ action = \"{otherwise}\" }}]\n"
    )
}

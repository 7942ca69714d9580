//! A stage whose peers are clients of a reflector, and how its phases are measured.

use std::net::Ipv4Addr;
use std::time::Instant;

use anyhow::{Context as _, Result};
use bgp_codec::{Asn, BgpIdentifier, ClusterId, Family, RouteRefresh};
use bytes::BytesMut;

use super::stage::{End, QUIET, Stage, Start, free_address};
use crate::measurement::Measurement;
use crate::peer::{PeerId, PeerSettings};
use crate::reflected::ReflectedRoutes;
use crate::subject::{Protection, Topology};

/// A stage whose peers are all clients of a reflector; `'r` is the lifetime of the expected routes.
pub(super) type ReflectorStage<'a, 'r> = Stage<'a, ReflectedRoutes<'r>>;

/// The reflector's configuration.
///
/// # Errors
///
/// There is no free port.
pub(super) fn reflector(clients: Vec<PeerSettings>) -> Result<Topology> {
    Ok(Topology {
        asn: ASN,
        router_id: BgpIdentifier::try_from(ROUTER_ID).context("the router id")?,
        listen: free_address(Ipv4Addr::LOCALHOST)?,
        interfaces: Vec::new(),
        refusals: Vec::new(),
        protection: Protection::default(),
        terms: None,
        relayed: clients.iter().map(|client| client.address).collect(),
        peers: clients,
        cluster: Some(CLUSTER),
    })
}

/// Measures the time from `begin` until each client holds the expected routes.
///
/// # Errors
///
/// A session is lost, or those of `begin`.
pub(super) fn measure_complete(
    phase: &'static str,
    stage: &mut ReflectorStage<'_, '_>,
    begin: impl FnOnce(&mut ReflectorStage<'_, '_>) -> Result<()>,
) -> Result<Measurement> {
    let start = stage.start()?;
    stage.peers_mut().intake_mut().start_clock(start.at);
    begin(stage)?;
    let end = wait_for_routes(stage, &start)?;
    stage.measurement(phase, &start, end)
}

/// Measures the time from `begin` until the clients together have received `count` routes. They must not
/// receive more.
///
/// # Errors
///
/// A session is lost, or those of `begin`.
pub(super) fn measure_sent(
    phase: &'static str,
    stage: &mut ReflectorStage<'_, '_>,
    count: usize,
    begin: impl FnOnce(&mut ReflectorStage<'_, '_>) -> Result<()>,
) -> Result<Measurement> {
    let start = stage.start()?;
    stage.peers_mut().intake_mut().start_clock(start.at);
    let all = stage.peers().intake().received() + count as u64;
    begin(stage)?;
    let deadline = Instant::now() + stage.turn().timeout;
    stage.peers_mut().run(deadline, |peers, now| {
        let routes = peers.intake();
        routes.received() >= all && now.duration_since(routes.last_update()) >= QUIET
    })?;
    let routes = stage.peers().intake();
    let is_exact = routes.received() == all;
    let end = End {
        at: if is_exact { routes.last_update() } else { deadline },
        longest_silence: routes.longest_silence(),
        incomplete: (!is_exact).then(|| format!("sent {} routes instead of {all}", routes.received())),
    };
    stage.measurement(phase, &start, end)
}

/// Runs until all clients hold the expected routes, and then until nothing has been received for a while.
///
/// # Errors
///
/// A session is lost.
pub(super) fn wait_for_routes(stage: &mut ReflectorStage<'_, '_>, start: &Start) -> Result<End> {
    let deadline = start.at + stage.turn().timeout;
    stage.peers_mut().run(deadline, |peers, now| {
        let routes = peers.intake();
        routes.is_complete() && now.duration_since(routes.last_update()) >= QUIET
    })?;
    let routes = stage.peers().intake();
    let is_complete = routes.is_complete();
    Ok(End {
        at: if is_complete { routes.last_change() } else { deadline },
        longest_silence: routes.longest_silence(),
        incomplete: (!is_complete).then(|| routes.progress()),
    })
}

/// A client requests a route refresh (RFC 2918).
///
/// # Errors
///
/// It has left.
pub(super) fn ask_again(stage: &mut ReflectorStage<'_, '_>, id: PeerId) -> Result<()> {
    let mut request = BytesMut::new();
    RouteRefresh { family: Family::IPV4_UNICAST, subtype: RouteRefresh::REQUEST }.encode(&mut request);
    stage.peers_mut().send(id, request.freeze())
}

pub(super) const ASN: Asn = Asn(64512);

/// Not the router id, which a daemon would use if it ignored the setting.
pub(super) const CLUSTER: ClusterId = ClusterId(Ipv4Addr::new(192, 0, 2, 99).to_bits());

const ROUTER_ID: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

//! Peers as birdwatcher shows BIRD's protocols.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use margay_session::State as SessionState;
use serde::Serialize;

use super::envelope::{Clock, Envelope, protocol_name};
use crate::control::api::Api;
use crate::control::error::ApiError;
use crate::control::peers::remote_asn;
use crate::daemon::{DaemonRequest, PeerEntry};
use crate::speaker::{FamilyCounts, SpeakerCounts};

#[derive(Serialize)]
pub(super) struct Protocols<P> {
    protocols: BTreeMap<String, P>,
}

/// A peer and its session.
#[derive(Serialize)]
pub(super) struct Protocol {
    protocol: String,
    bird_protocol: &'static str,
    table: &'static str,
    state: &'static str,
    state_changed: String,
    connection: String,
    bgp_state: String,
    neighbor_address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    neighbor_as: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    neighbor_id: Option<String>,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    routes: Routes,
}

#[derive(Serialize)]
struct Routes {
    imported: u64,
    filtered: u64,
    exported: u64,
}

/// A peer in short.
#[derive(Serialize)]
pub(super) struct Short {
    proto: &'static str,
    table: &'static str,
    state: &'static str,
    since: String,
    info: String,
}

pub(super) async fn get_protocols(
    State(api): State<Api>,
) -> Result<Json<Envelope<Protocols<Protocol>>>, ApiError> {
    let (peers, counts) = (api.ask_daemon(DaemonRequest::Peers).await?, api.counts().await?);
    let clock = Clock::now();
    let protocol = |peer: &PeerEntry| (protocol_name(&peer.config.name), protocol(peer, &counts, clock));
    Ok(Json(Envelope::new(Protocols { protocols: peers.iter().map(protocol).collect() }, clock)))
}

pub(super) async fn get_short(State(api): State<Api>) -> Result<Json<Envelope<Protocols<Short>>>, ApiError> {
    let peers = api.ask_daemon(DaemonRequest::Peers).await?;
    let clock = Clock::now();
    let short = |peer: &PeerEntry| {
        let short = Short {
            proto: "BGP",
            table: "master",
            state: state(peer),
            since: clock.before(peer.status.since.elapsed()),
            info: peer.status.state.to_string(),
        };
        (protocol_name(&peer.config.name), short)
    };
    Ok(Json(Envelope::new(Protocols { protocols: peers.iter().map(short).collect() }, clock)))
}

fn protocol(peer: &PeerEntry, counts: &SpeakerCounts, clock: Clock) -> Protocol {
    let families = counts.peers.iter().find(|(key, _)| *key == peer.key);
    let families = families.map(|(_, families)| families.as_slice()).unwrap_or_default();
    let sum = |count: fn(&FamilyCounts) -> usize| families.iter().map(|family| count(family) as u64).sum();
    let established = peer.status.established.as_ref();
    Protocol {
        protocol: protocol_name(&peer.config.name),
        bird_protocol: "BGP",
        table: "master",
        state: state(peer),
        state_changed: clock.before(peer.status.since.elapsed()),
        connection: peer.status.state.to_string(),
        bgp_state: peer.status.state.to_string(),
        neighbor_address: peer.config.address.to_string(),
        neighbor_as: remote_asn(peer),
        neighbor_id: established.map(|session| session.negotiated.peer_identifier.to_string()),
        description: peer.config.description.clone().unwrap_or_else(|| peer.config.name.clone()),
        last_error: peer.held_down.clone().or_else(|| peer.status.last_error.clone()),
        routes: Routes {
            imported: sum(|counts| counts.routes.accepted),
            filtered: sum(|counts| counts.routes.received - counts.routes.accepted),
            exported: sum(|counts| counts.routes.advertised),
        },
    }
}

fn state(peer: &PeerEntry) -> &'static str {
    match peer.status.state {
        _ if peer.held_down.is_some() => "down",
        SessionState::Established => "up",
        _ => "start",
    }
}

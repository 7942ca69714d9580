//! The routes of this node: networks, static routes, aggregates and default routes, as the speaker is asked for them.

use margay_config::{Config, ConfigDiff};
use margay_control::ObjectChangeKind;

use super::options;
use super::report::Report;
use crate::speaker::{SpeakerHandle, SpeakerRequest};

/// Asks for all routes of a configuration.
pub(super) async fn originate_all(speaker: &SpeakerHandle, config: &Config) {
    for network in config.networks() {
        speaker.ask(options::originate(network)).await;
    }
    for route in config.static_routes() {
        speaker.ask(options::static_route(route)).await;
    }
    for aggregate in config.aggregates() {
        speaker.ask(options::aggregate(aggregate)).await;
    }
    set_default_routes(speaker, config).await;
}

/// Asks for what has changed up to `config`.
pub(super) async fn apply(
    speaker: &SpeakerHandle,
    config: &Config,
    changes: &ConfigDiff,
    report: &mut Report,
) {
    apply_networks(speaker, changes, report).await;
    apply_static_routes(speaker, changes, report).await;
    apply_aggregates(speaker, changes, report).await;
    set_default_routes(speaker, config).await;
}

/// Has a default route originated for the families in which a peer gets one.
async fn set_default_routes(speaker: &SpeakerHandle, config: &Config) {
    for request in options::default_routes(config) {
        speaker.ask(request).await;
    }
}

async fn apply_networks(speaker: &SpeakerHandle, changes: &ConfigDiff, report: &mut Report) {
    for network in &changes.networks_removed {
        speaker.ask(SpeakerRequest::StopOriginating(network.prefix)).await;
        report.note(format!("network {}", network.prefix), ObjectChangeKind::Removed, String::new());
    }
    let added = changes.networks_added.iter().map(|network| (network, ObjectChangeKind::Added));
    let changed = changes.networks_changed.iter().map(|network| (network, ObjectChangeKind::Changed));
    for (network, kind) in added.chain(changed) {
        speaker.ask(options::originate(network)).await;
        report.note(format!("network {}", network.prefix), kind, String::new());
    }
}

async fn apply_static_routes(speaker: &SpeakerHandle, changes: &ConfigDiff, report: &mut Report) {
    for route in &changes.static_routes_removed {
        speaker.ask(SpeakerRequest::SetStatic(route.prefix, None)).await;
        report.note(format!("static {}", route.prefix), ObjectChangeKind::Removed, String::new());
    }
    let added = changes.static_routes_added.iter().map(|route| (route, ObjectChangeKind::Added));
    let changed = changes.static_routes_changed.iter().map(|route| (route, ObjectChangeKind::Changed));
    for (route, kind) in added.chain(changed) {
        speaker.ask(options::static_route(route)).await;
        report.note(format!("static {}", route.prefix), kind, String::new());
    }
}

async fn apply_aggregates(speaker: &SpeakerHandle, changes: &ConfigDiff, report: &mut Report) {
    for aggregate in &changes.aggregates_removed {
        speaker.ask(SpeakerRequest::SetAggregate(aggregate.prefix, None)).await;
        let name = format!("aggregate {}", aggregate.prefix);
        report.note(name, ObjectChangeKind::Removed, String::new());
    }
    let added = changes.aggregates_added.iter().map(|it| (it, ObjectChangeKind::Added));
    let changed = changes.aggregates_changed.iter().map(|it| (it, ObjectChangeKind::Changed));
    for (aggregate, kind) in added.chain(changed) {
        speaker.ask(options::aggregate(aggregate)).await;
        report.note(format!("aggregate {}", aggregate.prefix), kind, String::new());
    }
}

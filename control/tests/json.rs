//! The JSON that programs rely on: field names and shapes.

#![recursion_limit = "256"]

use margay_control::{
    ExplainedPath, Explanation, Installation, PathStatus, PeerDetail, PeerState, ReloadReport, Route,
    RoutesPage, RoutesQuery, RoutesView,
};
use serde_json::{Value, json};

#[test]
fn a_peers_detail_includes_the_fields_of_its_summary() {
    let text = json!({
        "name": "tor1", "address": "172.16.0.1", "remote_asn": 65001, "expected_asn": "65001", "role": "client", "description": null,
        "state": "open_confirm", "since_seconds": 3, "uptime_seconds": null,
        "prefixes": {"received": 1, "accepted": 2, "advertised": 3},
        "messages": {"received": 4, "sent": 5, "updates_received": 6, "updates_sent": 7},
        "last_error": "hold timer expired", "held_down": null, "export_groups": [{"family": "ipv4-unicast", "group": 2, "members": 3}],
        "group": null, "dynamic_range": null, "cluster_id": "10.0.0.11", "path": null, "absence": null,
        "port": 0, "source_address": null, "local_asn": null, "private_asns": null, "route_server_client": false, "next_hop": "auto",
        "max_paths_sent": null, "prefix_limit": null, "over_limit": 5, "dropped": 6, "too_long": 4, "end_of_rib_received": ["ipv4-unicast"], "end_of_rib_sent": [], "passive": false, "our_role": "provider", "denied": ["export"], "import": ["pods-only"], "export": [], "families": ["ipv4-unicast"],
        "negotiated": null,
        "timers": {"hold_time_seconds": 90, "min_hold_time_seconds": null, "connect_retry_seconds": 10, "next_timeout_seconds": null},
        "local_address": "172.16.0.11:40000", "remote_address": "[2001:db8::1]:179",
    });
    let detail: PeerDetail = serde_json::from_value(text.clone()).unwrap();
    assert_eq!(detail.summary.state, PeerState::OpenConfirm);
    assert_eq!(serde_json::to_value(&detail).unwrap(), text);
}

#[test]
fn an_answer_may_have_fields_this_client_does_not_know() {
    let page: RoutesPage = serde_json::from_value(json!({
        "routes": [{"prefix": "10.65.1.0/26", "as_path": "", "origin": "igp", "best": true, "valid": true, "age": 5}],
        "total": 1,
    }))
    .unwrap();
    assert_eq!(page.routes[0].prefix.to_string(), "10.65.1.0/26");
    assert_eq!(page.next, None);
}

#[test]
fn the_last_page_has_no_next() {
    let last = serde_json::to_value(RoutesPage::default()).unwrap();
    assert_eq!(last, json!({"routes": []}));
    let more = RoutesPage { next: Some("7".to_owned()), ..RoutesPage::default() };
    assert_eq!(serde_json::to_value(more).unwrap(), json!({"routes": [], "next": "7"}));
}

#[test]
fn the_status_of_a_path_is_a_tagged_object() {
    let explanation = Explanation {
        prefix: "10.65.1.0/26".parse().unwrap(),
        paths: vec![ExplainedPath {
            route: Route::default(),
            status: PathStatus::Lost { step: "shorter AS path".to_owned() },
        }],
        installation: Some(Installation::Installed { next_hops: vec!["blackhole".to_owned()] }),
        kernel_routes: Vec::new(),
        advertisements: Vec::new(),
        filters: Vec::new(),
    };
    let value = serde_json::to_value(&explanation).unwrap();
    assert_eq!(value["paths"][0]["status"], json!({"is": "lost", "step": "shorter AS path"}));
    assert_eq!(value["installation"], json!({"is": "installed", "next_hops": ["blackhole"]}));
    assert_eq!(serde_json::from_value::<Explanation>(value).unwrap(), explanation);
}

#[test]
fn a_query_with_a_misspelt_key_is_refused() {
    let query: RoutesQuery = serde_json::from_value(json!({"view": "received"})).unwrap();
    assert_eq!(query, RoutesQuery { view: RoutesView::Received, ..RoutesQuery::default() });
    assert!(serde_json::from_value::<RoutesQuery>(json!({"prefx": "10.0.0.0/8"})).is_err());
}

#[test]
fn an_empty_reload_report_has_all_its_fields() {
    let value = serde_json::to_value(ReloadReport::default()).unwrap();
    assert_eq!(
        value,
        json!({"errors": [], "left_out": [], "changes": [], "needs_restart": [], "undone_in_seconds": null})
    );
    assert!(value.get("errors").is_some_and(Value::is_array));
}

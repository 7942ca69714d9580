//! HTTP requests: rules that match them, and what their paths are normalised to.

use margay_cluster::document::read_json;
use margay_cluster::object::HttpMatch;
use margay_cluster::schema::{UnknownFields, decode};
use margay_policy::{Request, normalize};
use serde_json::Value;

use crate::{judge, of_kind, read_corpus};

#[test]
fn rules_match_requests_as_recorded() {
    let records = read_corpus("http.jsonl.zst");
    judge("matches of requests", &of_kind(&records, "match"), check_match, |_| None);
}

#[test]
fn paths_are_normalised_as_recorded() {
    let records = read_corpus("http.jsonl.zst");
    judge("normalised paths", &of_kind(&records, "normalize"), check_path, |_| None);
}

fn check_match(record: &Value) -> Result<(), String> {
    let request = request(&record["request"]);
    let matches = record["http"].is_null() || request.matches(&http_match(&record["http"]));
    if record["match"] == matches { Ok(()) } else { Err(format!("{matches}: {record}")) }
}

fn check_path(record: &Value) -> Result<(), String> {
    let found = normalize(record["input"].as_str().unwrap());
    if found.as_deref() == record["output"].as_str() { Ok(()) } else { Err(format!("{found:?}: {record}")) }
}

pub(crate) fn request(value: &Value) -> Request {
    let text = |field: &str| value[field].as_str().unwrap().to_owned();
    Request { method: text("method"), target: text("path") }
}

pub(crate) fn http_match(value: &Value) -> HttpMatch {
    let text = value.to_string();
    decode(&read_json(text.as_bytes()).unwrap(), UnknownFields::Refuse).unwrap()
}

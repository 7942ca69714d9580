//! Messages from other projects' test suites and from real sessions, if the corpus is present.
//!
//! Each message of high or medium confidence has to be decoded as its source says: equal fields, errors, and
//! consequences by RFC 7606. Messages that differ for a good reason are excluded by a rule, counted, and
//! printed.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bgp_codec::{
    AsPath, AsWidth, AttributeError, AttributeFault, AttributeOutcome, AttributeType, DecodeContext,
    DecodeError, Family, IpPrefix, Ipv4Prefix, Ipv6Prefix, Message, NextHop, NlriBlock, PathAttributes,
    PathId, PeerKind, SegmentKind, Update, decode_message,
};
use bytes::Bytes;
use serde_json::{Value, json};

#[test]
fn messages_of_the_corpus_are_decoded_as_their_sources_say() {
    let Some(records) = read_corpus("vectors/vectors.jsonl.zst") else { return };
    let mut left_out: BTreeMap<&str, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    let mut passed = 0;
    for record in records.iter().filter(|record| is_gate(record)) {
        let result = decode_record(record);
        match judge(record, &result) {
            Ok(()) => passed += 1,
            Err(reason) => match exclusion(record, &result) {
                Some(rule) => *left_out.entry(rule).or_default() += 1,
                None => failures
                    .push(format!("{} {}\n  {reason}\n  {result:?}", record["id"], record["source"]["loc"])),
            },
        }
    }
    eprintln!("corpus: {passed} messages as expected; left out: {left_out:#?}");
    assert!(passed > 3000, "only {passed} messages passed");
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn fuzz_inputs_of_other_daemons_do_no_harm() {
    let Some(records) = read_corpus("vectors/fuzz.jsonl.zst") else { return };
    for record in &records {
        for offset in message_starts(&octets_of(record)) {
            for as_width in [AsWidth::Two, AsWidth::Four] {
                let mut context = DecodeContext::new(PeerKind::Ibgp, as_width);
                context.max_message_octets = 65535;
                if let Ok(message) = decode_message(offset.clone(), &context) {
                    // Every result can be iterated and displayed.
                    assert!(!format!("{message:?}").is_empty());
                }
            }
        }
    }
    eprintln!("corpus: {} fuzz inputs read", records.len());
}

/// The records of one file of the corpus; `None`, with a note on stderr, if the corpus is absent.
#[expect(clippy::disallowed_methods, reason = "the corpus is read from where it lies")]
fn read_corpus(name: &str) -> Option<Vec<Value>> {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus").join(name);
    if !path.exists() {
        eprintln!("corpus: {name} is absent, nothing to compare with");
        return None;
    }
    let compressed = std::fs::read(&path).unwrap();
    let text = String::from_utf8(zstd::decode_all(&compressed[..]).unwrap()).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn is_gate(record: &Value) -> bool {
    let confident = record["expect"]["confidence"] == "high" || record["expect"]["confidence"] == "medium";
    record["kind"] == "message" && confident
}

fn octets_of(record: &Value) -> Vec<u8> {
    let hex = record["hex"].as_str().unwrap().as_bytes();
    let digit = |octet: u8| char::from(octet).to_digit(16).unwrap();
    hex.chunks(2).map(|pair| u8::try_from(digit(pair[0]) * 16 + digit(pair[1])).unwrap()).collect()
}

/// The whole input as one message, and every part of it that starts like one.
fn message_starts(octets: &[u8]) -> Vec<Bytes> {
    let octets = Bytes::copy_from_slice(octets);
    let mut parts = vec![octets.clone()];
    for start in 0..octets.len().saturating_sub(18) {
        let length = usize::from(u16::from_be_bytes([octets[start + 16], octets[start + 17]]));
        if octets[start..start + 16].iter().all(|octet| *octet == 0xff) && length <= octets.len() - start {
            parts.push(octets.slice(start..start + length));
        }
    }
    parts
}

fn decode_record(record: &Value) -> Result<Message, DecodeError> {
    decode_message(octets_of(record).into(), &context_of(record))
}

fn context_of(record: &Value) -> DecodeContext {
    let given = &record["context"];
    let peer = if given["peer"] == "ebgp" { PeerKind::Ebgp } else { PeerKind::Ibgp };
    let as_width = if given["as4"] == false { AsWidth::Two } else { AsWidth::Four };
    let mut context = DecodeContext::new(peer, as_width);
    if given["extmsg"] == true {
        context.max_message_octets = 65535;
    }
    if given["addpath"] == true {
        context.add_path = vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST];
    }
    context
}

fn judge(record: &Value, result: &Result<Message, DecodeError>) -> Result<(), String> {
    let expect = &record["expect"];
    if expect["verdict"] == "ok" {
        return match result {
            Ok(Message::Update(update)) => compare_update(&expect["decode"], update),
            Ok(_) => Ok(()),
            Err(error) => Err(format!("should decode: {error}")),
        };
    }
    let outcome = outcome_of(result);
    let expected = match expect["rfc7606"].as_str() {
        Some("session-reset") => vec![Some(AttributeOutcome::SessionReset)],
        Some("treat-as-withdraw") => vec![Some(AttributeOutcome::TreatAsWithdraw)],
        Some("attribute-discard") => vec![Some(AttributeOutcome::Discard)],
        _ => vec![
            Some(AttributeOutcome::Discard),
            Some(AttributeOutcome::TreatAsWithdraw),
            Some(AttributeOutcome::DisableFamily),
            Some(AttributeOutcome::SessionReset),
        ],
    };
    if !expected.contains(&outcome) {
        return Err(format!("{} {}: {outcome:?} instead of {expected:?}", expect["desc"], expect["spec"]));
    }
    compare_notification(&expect["error"], result)
}

/// The most severe consequence of the message's errors.
fn outcome_of(result: &Result<Message, DecodeError>) -> Option<AttributeOutcome> {
    match result {
        Err(_) => Some(AttributeOutcome::SessionReset),
        Ok(Message::Update(update)) => update.outcome(),
        Ok(_) => None,
    }
}

fn compare_notification(expected: &Value, result: &Result<Message, DecodeError>) -> Result<(), String> {
    let (Some(code), Err(error)) = (expected["code"].as_u64(), result) else { return Ok(()) };
    let notification = error.clone().into_notification();
    let found = (u64::from(notification.code.0), u64::from(notification.subcode));
    // A subcode with a note is specific to one implementation.
    let same_subcode = expected.get("note").is_some()
        || expected["subcode"].as_u64().is_none_or(|subcode| subcode == found.1);
    if found.0 == code && same_subcode { Ok(()) } else { Err(format!("{found:?} instead of {expected}")) }
}

fn compare_update(expected: &Value, update: &Update) -> Result<(), String> {
    if update.defects().iter().any(|defect| defect.outcome == AttributeOutcome::TreatAsWithdraw) {
        return Err(format!("should be accepted: {:?}", update.defects()));
    }
    let Some(expected) = expected.as_object() else { return Ok(()) };
    let routes = routes_of(update);
    let attributes = update.attributes().map(|attributes| attributes.to_path_attributes());
    for (field, wanted) in expected {
        let found = match (field.as_str(), &attributes) {
            // IPv4 routes of both fields are one list here.
            ("nlri", _) if expected.get("mp_reach").is_some_and(|mp| mp["afi"] == 1) => continue,
            ("withdrawn", _) if expected.get("mp_unreach").is_some_and(|mp| mp["afi"] == 1) => continue,
            ("nlri" | "withdrawn" | "mp_reach" | "mp_unreach", _) => routes_like(field, wanted, &routes),
            (_, None) => continue,
            ("next_hop", _) => ipv4_next_hop(update),
            (_, Some(attributes)) => attribute_field(field, attributes),
        };
        if found.as_ref().is_some_and(|found| !same(field, found, wanted)) {
            return Err(format!("{field}: {} instead of {wanted}", found.unwrap_or_default()));
        }
    }
    Ok(())
}

/// Routes are compared regardless of order, and duplicates among large communities must have been removed
/// (RFC 8092 §3).
fn same(field: &str, found: &Value, wanted: &Value) -> bool {
    if field != "large_communities" {
        return found == wanted;
    }
    let mut once = BTreeSet::new();
    let wanted = wanted.as_array().unwrap().iter().filter(|value| once.insert(value.to_string()));
    found.as_array().unwrap().iter().eq(wanted)
}

/// Prefixes as text: advertised and withdrawn, by family.
struct Routes {
    reach: BTreeMap<Family, Vec<String>>,
    unreach: BTreeMap<Family, Vec<String>>,
}

fn routes_of(update: &Update) -> Routes {
    let mut routes = Routes { reach: BTreeMap::new(), unreach: BTreeMap::new() };
    for reach in update.reach() {
        routes.reach.entry(reach.nlri.family()).or_default().extend(prefixes(reach.nlri));
    }
    for block in update.unreach() {
        routes.unreach.entry(block.family()).or_default().extend(prefixes(block));
    }
    routes
}

fn prefixes(block: NlriBlock<'_>) -> Vec<String> {
    fn texts<P: IpPrefix>(block: NlriBlock<'_>) -> impl Iterator<Item = String> {
        block.iter::<P>().map(|nlri| match nlri.path_id {
            Some(path_id) if path_id != PathId(0) => format!("{path_id}:{}", nlri.prefix),
            _ => nlri.prefix.to_string(),
        })
    }
    texts::<Ipv4Prefix>(block).chain(texts::<Ipv6Prefix>(block)).collect()
}

/// The message's value for `wanted`, in the same form; `None` if it is not compared.
fn routes_like(field: &str, wanted: &Value, routes: &Routes) -> Option<Value> {
    let v4 = Family::IPV4_UNICAST;
    let found = match field {
        "nlri" => routes.reach.get(&v4),
        "withdrawn" => routes.unreach.get(&v4),
        _ if wanted["safi"] != 1 => return None,
        "mp_reach" => routes.reach.get(&family_of(wanted)),
        _ => routes.unreach.get(&family_of(wanted)),
    };
    let mut found = found.cloned().unwrap_or_default();
    found.sort();
    let list = if wanted.is_array() { wanted } else { &wanted["nlri"] };
    let mut sorted: Vec<String> =
        list.as_array().unwrap().iter().map(|prefix| canonical(prefix.as_str().unwrap())).collect();
    sorted.sort();
    let found = if found == sorted { list.clone() } else { json!(found) };
    if wanted.is_array() {
        return Some(found);
    }
    let mut object = wanted.clone();
    object["nlri"] = found;
    Some(object)
}

fn family_of(mp: &Value) -> Family {
    if mp["afi"] == 1 { Family::IPV4_UNICAST } else { Family::IPV6_UNICAST }
}

/// A prefix in this crate's notation, with host bits cleared.
fn canonical(text: &str) -> String {
    let (id, prefix) = match text.split_once(':') {
        Some((id, prefix)) if id.parse::<u32>().is_ok() && prefix.parse::<Ipv4Prefix>().is_ok() => {
            (Some(id), prefix)
        }
        _ => (None, text),
    };
    let (address, length) = prefix.split_once('/').unwrap();
    let length = length.parse().unwrap();
    let prefix = match address.parse().unwrap() {
        std::net::IpAddr::V4(address) => Ipv4Prefix::truncating(address, length).to_string(),
        std::net::IpAddr::V6(address) => Ipv6Prefix::truncating(address, length).to_string(),
    };
    match id {
        Some(id) => format!("{id}:{prefix}"),
        None => prefix,
    }
}

fn ipv4_next_hop(update: &Update) -> Option<Value> {
    update.reach().find_map(|reach| match reach.next_hop {
        NextHop::Ipv4(address) => Some(json!(address.to_string())),
        NextHop::Ipv6(_) | NextHop::Ipv6LinkLocal { .. } => None,
    })
}

fn attribute_field(field: &str, attributes: &PathAttributes) -> Option<Value> {
    let texts = |list: &mut dyn Iterator<Item = String>| json!(list.collect::<Vec<_>>());
    match field {
        "origin" => Some(json!(attributes.origin().to_string().to_uppercase())),
        "as_path" => Some(as_path(attributes.as_path())),
        "med" => attributes.med().map(|med| json!(med)),
        "local_pref" => attributes.local_pref().map(|local_pref| json!(local_pref)),
        "atomic_aggregate" => Some(json!(attributes.atomic_aggregate())),
        "aggregator" => attributes.aggregator().map(|by| json!([by.asn.0, by.address.to_string()])),
        "communities" => {
            let numbers = |number: u32| format!("{}:{}", number >> 16, number & 0xffff);
            Some(texts(&mut attributes.communities().map(|community| numbers(community.0))))
        }
        "large_communities" => Some(texts(&mut attributes.large_communities().map(|one| one.to_string()))),
        "originator_id" => attributes.originator_id().map(|id| json!(id.to_string())),
        "cluster_list" => Some(texts(&mut attributes.cluster_list().map(|id| id.to_string()))),
        _ => None,
    }
}

fn as_path(path: AsPath<'_>) -> Value {
    let kind = |kind| match kind {
        SegmentKind::Set => "AsSet",
        SegmentKind::Sequence => "AsSequence",
        SegmentKind::ConfederationSequence => "AsConfedSequence",
        SegmentKind::ConfederationSet => "AsConfedSet",
    };
    let numbers = |segment: bgp_codec::Segment<'_>| segment.asns().map(|asn| asn.0).collect::<Vec<_>>();
    path.segments().map(|segment| json!([kind(segment.kind()), numbers(segment)])).collect()
}

/// The rule that excludes a message that differs.
fn exclusion(record: &Value, result: &Result<Message, DecodeError>) -> Option<&'static str> {
    RULES.iter().find(|(_, applies)| applies(record, result)).map(|(reason, _)| *reason)
}

type Rule = (&'static str, fn(&Value, &Result<Message, DecodeError>) -> bool);

const RULES: [Rule; 10] = [
    ("a NEXT_HOP that is no host's address withdraws the routes (RFC 4271 §6.3)", |record, result| {
        should_be_ok(record)
            && has_defect(result, |defect| {
                let about_next_hop =
                    [AttributeType::NEXT_HOP, AttributeType::MP_REACH_NLRI].contains(&defect.attribute_type);
                about_next_hop && defect.fault == AttributeFault::Value
            })
    }),
    ("mandatory attributes are demanded (RFC 7606 §3 d)", |record, result| {
        should_be_ok(record) && has_defect(result, |defect| defect.fault == AttributeFault::Missing)
    }),
    (
        "wrong flags and unknown well-known attributes are not overlooked (RFC 7606 §3 c)",
        |record, result| {
            let faults = [AttributeFault::Flags, AttributeFault::UnrecognizedWellKnown];
            should_be_ok(record) && closes_for(result, |_, fault| faults.contains(&fault))
        },
    ),
    ("a next hop of another family's length closes the session (RFC 7606 §7.11)", |record, result| {
        let value = |attribute_type, fault| {
            attribute_type == AttributeType::MP_REACH_NLRI && fault == AttributeFault::Value
        };
        should_be_ok(record) && closes_for(result, value) && !decodes_with_add_path(record)
    }),
    ("the session had ADD-PATH, which the recording does not say", |record, _| {
        should_be_ok(record) && decodes_with_add_path(record)
    }),
    ("the length shows extended messages, which the recording does not say", |record, result| {
        let too_long =
            |error: &DecodeError| matches!(error, DecodeError::BadMessageLength { length: 4097.. });
        should_be_ok(record)
            && record["context"].get("extmsg").is_none()
            && result.as_ref().is_err_and(too_long)
    }),
    ("a mark around a refresh has four octets (RFC 7313 §5)", |record, result| {
        should_be_ok(record) && matches!(result, Err(DecodeError::BadRouteRefreshLength { .. }))
    }),
    ("wrong flags close where no routes are found to withdraw (RFC 7606 §3 j, §5.2)", |record, result| {
        let withdraws = record["expect"]["rfc7606"] == "treat-as-withdraw";
        withdraws && closes_for(result, |_, fault| fault == AttributeFault::Flags)
    }),
    ("AS_PATH is compared after AS4_PATH was merged into it (RFC 6793 §4.2.3)", |record, _| {
        should_be_ok(record) && record["expect"]["decode"].get("as4_path").is_some()
    }),
    ("multicast destinations and unknown subcodes are not the codec's to judge", |record, result| {
        let semantic = ["bad_multicast_nlri_wire", "testUnrecognizedError"];
        let description = record["expect"]["desc"].as_str().unwrap_or_default();
        result.is_ok() && semantic.iter().any(|words| description.contains(words))
    }),
];

fn should_be_ok(record: &Value) -> bool {
    record["expect"]["verdict"] == "ok"
}

fn has_defect(result: &Result<Message, DecodeError>, wanted: impl Fn(&AttributeError) -> bool) -> bool {
    matches!(result, Ok(Message::Update(update)) if update.defects().iter().any(wanted))
}

fn closes_for(
    result: &Result<Message, DecodeError>,
    wanted: impl Fn(AttributeType, AttributeFault) -> bool,
) -> bool {
    matches!(result, Err(DecodeError::Attribute { attribute_type, fault, .. }) if wanted(*attribute_type, *fault))
}

fn decodes_with_add_path(record: &Value) -> bool {
    let mut context = context_of(record);
    let told = !context.add_path.is_empty();
    context.add_path = vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST];
    let result = decode_message(octets_of(record).into(), &context);
    !told && matches!(&result, Ok(Message::Update(update)) if update.defects().is_empty())
}

//! Messages as JSON: numbers and texts that programs can compare.

use std::net::IpAddr;

use bgp_codec::{
    AsPath, AttributeOutcome, AttributeType, Family, ForeignRoutes, IpPrefix, Ipv4Prefix, Ipv6Prefix,
    Message, NextHop, NlriBlock, Notification, Open, PathAttributes, PathId, RouteRefresh, SegmentKind,
    Update,
};
use serde_json::{Map, Value, json};

use crate::hex;
use crate::judged::Judged;

/// The verdict on a message, and its contents.
pub(crate) fn verdict(judged: &Judged) -> Value {
    let notification = judged.result.as_ref().err().map(|error| {
        let notification = error.clone().into_notification();
        json!({
            "code": notification.code.0,
            "subcode": notification.subcode,
            "text": error.to_string(),
        })
    });
    json!({
        "verdict": judged.verdict(),
        "notification": notification,
        "attributes_discarded": attributes_discarded(judged),
        "defects": defects(judged),
        "message": message(judged),
    })
}

fn update_of(judged: &Judged) -> Option<&Update> {
    match &judged.result {
        Ok(Message::Update(update)) => Some(update),
        _ => None,
    }
}

/// The discarded types, each once, in the order of the message.
fn attributes_discarded(judged: &Judged) -> Vec<u8> {
    let mut types = Vec::new();
    for defect in update_of(judged).map_or(&[][..], Update::defects) {
        let is_discard = defect.outcome == AttributeOutcome::Discard && !defect.is_about_foreign_family();
        if is_discard && !types.contains(&defect.attribute_type.0) {
            types.push(defect.attribute_type.0);
        }
    }
    types
}

fn defects(judged: &Judged) -> Vec<String> {
    let defects = update_of(judged).map_or(&[][..], Update::defects);
    defects.iter().map(ToString::to_string).collect()
}

/// The contents of the message; `null` if it cannot be decoded.
fn message(judged: &Judged) -> Value {
    match &judged.result {
        Err(_) => Value::Null,
        Ok(Message::Open(open)) => self::open(open),
        Ok(Message::Update(update)) => self::update(judged, update),
        Ok(Message::Notification(notification)) => self::notification(notification),
        Ok(Message::Keepalive) => json!({ "type": "keepalive" }),
        Ok(Message::RouteRefresh(refresh)) => route_refresh(*refresh),
    }
}

fn open(open: &Open) -> Value {
    let capabilities = open
        .capabilities
        .iter()
        .map(|capability| json!({ "code": capability.code(), "text": capability.to_string() }));
    json!({
        "type": "open",
        "version": 4,
        "asn": open.asn.0,
        "hold_time": open.hold_time.seconds(),
        "bgp_identifier": open.identifier.to_string(),
        "capabilities": capabilities.collect::<Vec<_>>(),
    })
}

fn notification(notification: &Notification) -> Value {
    json!({
        "type": "notification",
        "code": notification.code.0,
        "subcode": notification.subcode,
        "data": hex::digits(&notification.data),
        "text": notification.to_string(),
    })
}

fn route_refresh(refresh: RouteRefresh) -> Value {
    json!({
        "type": "route-refresh",
        "afi": refresh.family.afi.0,
        "safi": refresh.family.safi.0,
        "subtype": refresh.subtype,
    })
}

/// The contents of an UPDATE, even if its routes are treated as withdrawn.
fn update(judged: &Judged, update: &Update) -> Value {
    let mut fields = Map::new();
    fields.insert("type".to_owned(), "update".into());
    if let Some(raw) = judged.raw_update() {
        fields.insert("withdrawn".to_owned(), ipv4_unicast(judged, raw.withdrawn));
        fields.insert("nlri".to_owned(), ipv4_unicast(judged, raw.nlri));
    }
    if let Some(attributes) = attributes_of(update) {
        self::attributes(&mut fields, &attributes);
    }
    next_hop(&mut fields, judged);
    fields.extend(mp_reach(judged, update).map(|value| ("mp_reach".to_owned(), value)));
    fields.extend(mp_unreach(judged, update).map(|value| ("mp_unreach".to_owned(), value)));
    if let Some(family) = update.end_of_rib() {
        fields.insert("end_of_rib".to_owned(), json!({ "afi": family.afi.0, "safi": family.safi.0 }));
    }
    fields.into()
}

/// The valid attributes, whether routes are advertised with them or not.
pub(crate) fn attributes_of(update: &Update) -> Option<PathAttributes> {
    let advertised = update.attributes().map(|attributes| attributes.to_path_attributes());
    advertised.or_else(|| update.unused_attributes().cloned())
}

fn ipv4_unicast(judged: &Judged, octets: &[u8]) -> Value {
    NlriBlock::new(Family::IPV4_UNICAST, judged.ipv4_add_path, octets).map_or(Value::Null, prefixes)
}

fn prefixes(block: NlriBlock<'_>) -> Value {
    let v4 = block.iter::<Ipv4Prefix>().map(|nlri| prefix(nlri.path_id, nlri.prefix));
    v4.chain(block.iter::<Ipv6Prefix>().map(|nlri| prefix(nlri.path_id, nlri.prefix))).collect()
}

/// A prefix, preceded by its path identifier unless that is zero.
fn prefix(path_id: Option<PathId>, prefix: impl IpPrefix) -> String {
    match path_id {
        Some(path_id) if path_id != PathId(0) => format!("{path_id}:{prefix}"),
        _ => prefix.to_string(),
    }
}

fn attributes(fields: &mut Map<String, Value>, attributes: &PathAttributes) {
    let has = |attribute_type| attributes.contains(attribute_type);
    let mut put = |name: &str, value: Option<Value>| {
        fields.extend(value.map(|value| (name.to_owned(), value)));
    };
    put("origin", has(AttributeType::ORIGIN).then(|| attributes.origin().to_string().to_uppercase().into()));
    put("as_path", has(AttributeType::AS_PATH).then(|| as_path(attributes.as_path())));
    put("med", attributes.med().map(Value::from));
    put("local_pref", attributes.local_pref().map(Value::from));
    put("atomic_aggregate", attributes.atomic_aggregate().then(|| true.into()));
    put("aggregator", attributes.aggregator().map(|by| json!([by.asn.0, by.address.to_string()])));
    let communities =
        attributes.communities().map(|community| format!("{}:{}", community.0 >> 16, community.0 & 0xffff));
    put("communities", has(AttributeType::COMMUNITIES).then(|| communities.collect()));
    let large = attributes.large_communities().map(|community| community.to_string());
    put("large_communities", has(AttributeType::LARGE_COMMUNITIES).then(|| large.collect()));
    let extended = attributes.extended_communities().map(|community| community.to_string());
    put("extended_communities", has(AttributeType::EXTENDED_COMMUNITIES).then(|| extended.collect()));
    put("originator_id", attributes.originator_id().map(|identifier| identifier.to_string().into()));
    let clusters = attributes.cluster_list().map(|cluster| cluster.to_string());
    put("cluster_list", has(AttributeType::CLUSTER_LIST).then(|| clusters.collect()));
    put("otc", attributes.only_to_customer().map(|asn| asn.0.into()));
    let other = attributes.unknown().filter(|one| one.attribute_type() != AttributeType::ONLY_TO_CUSTOMER);
    let other = other.map(|one| json!({ "type": one.attribute_type().0, "value": hex::digits(one.value()) }));
    let other: Vec<Value> = other.collect();
    put("other_attributes", (!other.is_empty()).then(|| other.into()));
}

fn as_path(path: AsPath<'_>) -> Value {
    let segments = path.segments().map(|segment| {
        let kind = match segment.kind() {
            SegmentKind::Set => "AsSet",
            SegmentKind::Sequence => "AsSequence",
            SegmentKind::ConfederationSequence => "AsConfedSequence",
            SegmentKind::ConfederationSet => "AsConfedSet",
        };
        json!([kind, segment.asns().map(|asn| asn.0).collect::<Vec<_>>()])
    });
    segments.collect()
}

/// NEXT_HOP as received, which is only used with NLRI.
fn next_hop(fields: &mut Map<String, Value>, judged: &Judged) {
    let Some(raw) = judged.raw_update() else { return };
    let attribute =
        raw.path_attributes().find(|attribute| attribute.attribute_type == AttributeType::NEXT_HOP);
    let octets = attribute.and_then(|attribute| <[u8; 4]>::try_from(attribute.value).ok());
    fields.extend(octets.map(|octets| ("next_hop".to_owned(), IpAddr::from(octets).to_string().into())));
}

fn mp_reach(judged: &Judged, update: &Update) -> Option<Value> {
    let reach = judged.mp_reach()?;
    let mut value = json!({ "afi": reach.family.afi.0, "safi": reach.family.safi.0 });
    let object = value.as_object_mut()?;
    if let Some(foreign) = update.foreign().iter().find(|routes| routes.next_hop().is_some()) {
        object.insert("next_hop".to_owned(), address_or_digits(reach.next_hop));
        object.insert("nlri".to_owned(), foreign_nlri(foreign));
    } else {
        match NextHop::decode(reach.next_hop) {
            Some(NextHop::Ipv6LinkLocal { global, link_local }) => {
                object.insert("next_hop".to_owned(), global.to_string().into());
                object.insert("next_hop_ll".to_owned(), link_local.to_string().into());
            }
            Some(next_hop) => {
                object.insert("next_hop".to_owned(), next_hop.address().to_string().into());
            }
            None => {
                object.insert("next_hop".to_owned(), address_or_digits(reach.next_hop));
            }
        }
        object.insert("nlri".to_owned(), unicast(judged, reach.family, reach.nlri));
    }
    Some(value)
}

fn mp_unreach(judged: &Judged, update: &Update) -> Option<Value> {
    let unreach = judged.mp_unreach()?;
    let nlri = match update.foreign().iter().find(|routes| routes.next_hop().is_none()) {
        Some(foreign) => foreign_nlri(foreign),
        None => unicast(judged, unreach.family, unreach.nlri),
    };
    Some(json!({ "afi": unreach.family.afi.0, "safi": unreach.family.safi.0, "nlri": nlri }))
}

/// The prefixes of IPv4 and IPv6 unicast; digits if the octets are malformed.
fn unicast(judged: &Judged, family: Family, octets: &[u8]) -> Value {
    let block = NlriBlock::new(family, judged.ipv4_add_path, octets);
    block.map_or_else(|_| hex::digits(octets).into(), prefixes)
}

/// Multicast destinations as prefixes, everything else as digits, one text for each NLRI.
fn foreign_nlri(routes: &ForeignRoutes) -> Value {
    let v4 = routes.multicast::<Ipv4Prefix>().map(|nlri| prefix(nlri.path_id, nlri.prefix));
    let v6 = routes.multicast::<Ipv6Prefix>().map(|nlri| prefix(nlri.path_id, nlri.prefix));
    let multicast: Vec<String> = v4.chain(v6).collect();
    if !multicast.is_empty() {
        return multicast.into();
    }
    routes.nlri().map(|nlri| hex::digits(nlri.octets)).collect()
}

fn address_or_digits(octets: &[u8]) -> Value {
    match NextHop::decode(octets) {
        Some(next_hop) => next_hop.address().to_string().into(),
        None => hex::digits(octets).into(),
    }
}

//! One scenario: the store, the clock, and the requests of its steps.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use margay_cluster::ipam::{AffinityState, read_block_affinity};
use margay_cluster::key::{BlockAffinityKey, BlockKey};
use margay_cluster::object::AllowedUse;
use margay_ipam::{
    AddressBlock, AddressFamily, AddressOwner, AssignRequest, Assigned, AttributeChange, ClusterState,
    FamilyRequest, HostReservation, Ipam, IpamError, NamedRequest, OwnerChange, Release, WallTime,
    check_settings, read_settings,
};
use serde_json::{Value, json};

use crate::simulated::{ModelStore, run};
use crate::{blocks, races, values};

pub(crate) type Outcome = Result<(), String>;

#[derive(Default)]
pub(crate) struct World {
    pub(crate) id: String,
    pub(crate) store: ModelStore,
    pub(crate) now: WallTime,
    pub(crate) block: Option<AddressBlock>,
    /// Addresses that were saved under a name.
    saved: BTreeMap<String, Vec<IpAddr>>,
    last_block: Option<IpNet>,
}

impl World {
    pub(crate) fn for_scenario(id: &str) -> Self {
        let world = Self { id: id.to_owned(), now: WallTime(1_700_000_000), ..Self::default() };
        races::prepare(&world);
        world
    }

    pub(crate) fn cluster(&self) -> ClusterState {
        run(ClusterState::load(&self.store)).unwrap()
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&Ipam<'_, ModelStore>) -> T) -> T {
        let cluster = self.cluster();
        work(&Ipam { store: &self.store, cluster: &cluster, now: self.now })
    }

    pub(crate) fn carry_out(&mut self, step: &Value) -> Outcome {
        let expected = &step["expect"];
        match step["op"].as_str().unwrap() {
            "pool" | "pool_delete" | "node" | "config" | "reservations" | "raw_block" | "raw_affinity"
            | "advance_clock" => self.prepare(step),
            "repeat" => {
                for _ in 0..step["times"].as_u64().unwrap() {
                    for inner in step["steps"].as_array().unwrap() {
                        self.carry_out(inner)?;
                    }
                }
                Ok(())
            }
            "note" => Ok(()),
            "fault" => races::set_fault(self, step),
            "concurrent" => races::concurrent(self, step),
            "get_config" => self.check_config(expected),
            "auto_assign" => self.auto_assign(step),
            "assign_ip" => self.assign_ip(step),
            "release_ips" => self.release_ips(step),
            "release_by_handle" => {
                let handle = step["handle"].as_str().unwrap();
                compare_error(expected, self.with(|ipam| run(ipam.release_handle(handle))).err())
            }
            "ips_by_handle" => {
                let found = self.with(|ipam| run(ipam.addresses_of_handle(step["handle"].as_str().unwrap())));
                let count = found.as_ref().map_or(0, Vec::len);
                compare(expected, "count", &json!(count))?;
                compare_error(expected, found.err())
            }
            "get_attributes" => self.get_attributes(step),
            "set_owner" => self.set_owner(step),
            "claim_affinity" => {
                let claimed = self.with(|ipam| run(ipam.claim_prefix(&host(step), net(&step["cidr"]))));
                let counts =
                    claimed.as_ref().map_or((0, 0), |done| (done.claimed.len(), done.of_others.len()));
                compare(expected, "claimed", &json!(counts.0))?;
                compare(expected, "failed", &json!(counts.1))?;
                compare_error(expected, claimed.err())
            }
            "claim_block" => {
                let block = net(&step["cidr"]);
                let claimed = self.with(|ipam| run(ipam.claim_block(&host(step), block, None)));
                if let Some(excluded) = expected["affinity_state_not"].as_str() {
                    let states = self.affinity_states(Some(&host(step)));
                    ensure(!states.contains(&excluded.to_owned()), || format!("affinities are {states:?}"))?;
                }
                compare_error(expected, claimed.err())
            }
            "release_affinity" => {
                let key = BlockAffinityKey::of_host(&host(step), net(&step["cidr"]));
                let must_be_empty = step["must_be_empty"] == json!(true);
                compare_error(
                    expected,
                    self.with(|ipam| run(ipam.release_affinity(&key, must_be_empty))).err(),
                )
            }
            "release_block_affinity" => {
                let block = self.blocks().into_iter().next().ok_or("no block is there")?;
                let must_be_empty = step["must_be_empty"] == json!(true);
                let released = self.with(|ipam| run(ipam.release_affinity_of_block(&block, must_be_empty)));
                compare_error(expected, released.err())
            }
            "release_host_affinities" => {
                let must_be_empty = step["must_be_empty"] == json!(true);
                let released =
                    self.with(|ipam| run(ipam.release_affinities_of_host(&host(step), must_be_empty)));
                compare_error(expected, released.err())
            }
            "release_pool_affinities" => {
                let released = self.with(|ipam| run(ipam.release_affinities_in(net(&step["cidr"]), false)));
                compare_error(expected, released.err())
            }
            "remove_host" => {
                compare_error(expected, self.with(|ipam| run(ipam.remove_node(&host(step)))).err())
            }
            "ensure_block" => self.ensure_block(step),
            "list_blocks" => self.list_blocks(expected),
            "list_affinities" => {
                let states = self.affinity_states(step["host"].as_str());
                compare(expected, "count", &json!(states.len()))?;
                let all = expected["all_state"].as_str();
                ensure(all.is_none_or(|all| states.iter().all(|state| state == all)), || {
                    format!("{states:?}")
                })
            }
            "utilization" => self.utilization(step),
            op if op.starts_with("block") || op == "new_block" => blocks::carry_out(self, step),
            _ => values::carry_out(step),
        }
    }

    fn prepare(&mut self, step: &Value) -> Outcome {
        match step["op"].as_str().unwrap() {
            "pool" => self.put_object("ippools", &object_name(&step["cidr"]), "IPPool", pool_spec(step)),
            "pool_delete" => {
                let key = object_key("ippools", &object_name(&step["cidr"]));
                self.store.put(&key, None);
            }
            "node" => {
                let name = step["name"].as_str().unwrap();
                let value = json!({
                    "apiVersion": "projectcalico.org/v3", "kind": "Node",
                    "metadata": {"name": name, "labels": step["labels"]}, "spec": {},
                });
                self.store.put(&object_key("nodes", name), Some(&value.to_string()));
            }
            "config" => {
                let mut fields = step.as_object().unwrap().clone();
                fields.retain(|key, _| key != "op" && key != "expect");
                if let Some(most) = fields.remove("max_blocks_per_host") {
                    fields.insert("maxBlocksPerHost".to_owned(), most);
                }
                let text = Value::Object(fields).to_string();
                let checked = check_settings(&read_settings(text.as_bytes()).unwrap());
                if checked.is_ok() {
                    self.store.put("/calico/ipam/v2/config", Some(&text));
                }
                return compare_error(&step["expect"], checked.err());
            }
            "reservations" => {
                self.put_object(
                    "ipreservations",
                    "r",
                    "IPReservation",
                    json!({"reservedCIDRs": step["cidrs"]}),
                );
            }
            "raw_block" => {
                let cidr = net(&step["cidr"]);
                let size = 1_usize << (cidr.max_prefix_len() - cidr.prefix_len());
                let value = json!({
                    "cidr": cidr.to_string(), "affinity": step["affinity"],
                    "allocations": vec![Value::Null; size], "unallocated": (0..size).collect::<Vec<_>>(),
                    "attributes": [], "sequenceNumber": step["sequence"].as_u64().unwrap_or(0), "deleted": false,
                });
                self.store.put(&BlockKey { block: cidr }.to_string(), Some(&value.to_string()));
            }
            "raw_affinity" => {
                let key = BlockAffinityKey::of_host(&host(step), net(&step["cidr"])).to_string();
                self.store.put(&key, Some(&json!({"state": step["state"], "deleted": false}).to_string()));
            }
            _ => self.now = WallTime(self.now.0 + step["seconds"].as_i64().unwrap()),
        }
        Ok(())
    }

    fn put_object(&self, plural: &str, name: &str, kind: &str, spec: Value) {
        let value = json!({
            "apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": {"name": name}, "spec": spec,
        });
        self.store.put(&object_key(plural, name), Some(&value.to_string()));
    }

    fn check_config(&self, expected: &Value) -> Outcome {
        let settings = self.cluster().settings;
        compare(expected, "auto_allocate_blocks", &json!(settings.auto_allocate_blocks))?;
        compare(expected, "strict_affinity", &json!(settings.strict_affinity))?;
        compare(expected, "max_blocks_per_host", &json!(settings.max_blocks_per_host))?;
        compare(expected, "ipCooldownSeconds", &json!(settings.ip_cooldown_seconds.unwrap_or(0)))?;
        compare(expected, "stored", &json!(self.store.read("/calico/ipam/v2/config").is_some()))
    }

    fn auto_assign(&mut self, step: &Value) -> Outcome {
        let request = assign_request(step);
        let (v4, v6) = self.with(|ipam| {
            let v4 = run(ipam.assign(&request, AddressFamily::V4));
            (v4, run(ipam.assign(&request, AddressFamily::V6)))
        });
        let expected = &step["expect"];
        let count = |assigned: &Result<Assigned, IpamError>| {
            json!(assigned.as_ref().map_or(0, |assigned| assigned.addresses.len()))
        };
        compare(expected, "v4", &count(&v4))?;
        compare(expected, "v6", &count(&v6))?;
        let text = |assigned: &Assigned| assigned.shortfall.clone().unwrap_or_default();
        if let Some(message) = expected["msg"].as_str() {
            let found = v4.as_ref().map(text).unwrap_or_default();
            ensure(found.contains(message), || format!("the shortfall is {found:?}"))?;
        }
        let mut networks: Vec<IpNet> = Vec::new();
        let mut error = None;
        for assigned in [v4, v6] {
            match assigned {
                Ok(assigned) => {
                    networks.extend(assigned.addresses);
                    error = error.or(assigned.limit);
                }
                Err(failure) => error = error.or(Some(failure)),
            }
        }
        self.check_assigned(step, &networks)?;
        let addresses = networks.iter().map(IpNet::addr).collect();
        if let Some(name) = step["save_ips"].as_str().or_else(|| step["save_ip"].as_str()) {
            self.saved.insert(name.to_owned(), addresses);
        }
        compare_error(expected, error)
    }

    fn check_assigned(&mut self, step: &Value, networks: &[IpNet]) -> Outcome {
        let expected = &step["expect"];
        let addresses: Vec<IpAddr> = networks.iter().map(IpNet::addr).collect();
        if !expected["in"].is_null() {
            let within = net(&expected["in"]);
            ensure(addresses.iter().all(|address| within.contains(address)), || {
                format!("got {addresses:?}")
            })?;
        }
        if !expected["ips"].is_null() {
            let mut wanted = self.addresses(&expected["ips"]);
            let mut found = addresses.clone();
            wanted.sort();
            found.sort();
            ensure(wanted == found, || format!("got {found:?}, not {wanted:?}"))?;
        }
        if !expected["not_ips"].is_null() {
            let others = self.addresses(&expected["not_ips"]);
            ensure(addresses.iter().all(|address| !others.contains(address)), || {
                format!("got {addresses:?}")
            })?;
        }
        if expected["one_of_handle"] == json!(true) {
            let own = self.with(|ipam| run(ipam.addresses_of_handle(step["handle"].as_str().unwrap())));
            let own = own.map_err(|error| error.to_string())?;
            ensure(addresses.iter().all(|address| own.contains(address)), || format!("got {addresses:?}"))?;
        }
        if !expected["ips_with_mask"].is_null() {
            let found: Vec<String> = networks.iter().map(ToString::to_string).collect();
            compare(expected, "ips_with_mask", &json!(found))?;
        }
        let mut block = self.blocks().into_iter().map(|block| block.cidr());
        let block = block.find(|block| addresses.first().is_some_and(|first| block.contains(first)));
        if let Some(same) = expected["same_block_as_previous"].as_bool() {
            ensure((block == self.last_block) == same, || format!("{block:?} after {:?}", self.last_block))?;
        }
        self.last_block = block.or(self.last_block);
        if !expected["blocks_of_host_in_pool"].is_null() {
            let within = net(&expected["in"]);
            let host = host(step);
            let own = self.blocks().into_iter().filter(|block| {
                within.contains(&block.cidr()) && block.owner().is_some_and(|owner| owner.name == host)
            });
            compare(expected, "blocks_of_host_in_pool", &json!(own.count()))?;
        }
        Ok(())
    }

    fn assign_ip(&self, step: &Value) -> Outcome {
        let request = NamedRequest {
            address: self.addresses(&step["ip"])[0],
            node: host(step),
            wanted_for: step["use"].as_str().and_then(use_of),
            owner: owner_of(step),
            most_per_handle: limit(&step["max_per_handle"]),
        };
        compare_error(&step["expect"], self.with(|ipam| run(ipam.assign_named(&request))).err())
    }

    fn release_ips(&self, step: &Value) -> Outcome {
        let releases: Vec<Release> = match &step["ips"] {
            Value::Array(items) => items.iter().map(|item| self.release_of(item)).collect(),
            saved => self.addresses(saved).into_iter().map(Release::of).collect(),
        };
        let released = self.with(|ipam| run(ipam.release(&releases)));
        if let Ok(done) = &released {
            compare(&step["expect"], "released", &json!(done.released.len()))?;
            compare(&step["expect"], "unallocated", &json!(done.not_in_use))?;
        }
        compare_error(&step["expect"], released.err())
    }

    fn release_of(&self, item: &Value) -> Release {
        Release {
            address: self.addresses(&item["address"])[0],
            handle: item["handle"].as_str().map(ToOwned::to_owned),
            sequence: item["sequence"].as_u64(),
        }
    }

    fn get_attributes(&self, step: &Value) -> Outcome {
        let expected = &step["expect"];
        let info = self.with(|ipam| run(ipam.address_info(self.addresses(&step["ip"])[0])));
        if let Ok(info) = &info {
            compare(expected, "handle", &json!(info.handle))?;
            for (field, owner) in
                [("active_owner", &info.active_owner), ("alternate_owner", &info.alternate_owner)]
            {
                let found = if owner.is_empty() { Value::Null } else { json!(owner) };
                compare(expected, field, &found)?;
            }
        }
        compare_error(expected, info.err())
    }

    fn set_owner(&self, step: &Value) -> Outcome {
        let change = |new: &str, clear: &str, condition: &str, empty: &str| {
            let (new, clear) = (map_of(&step[new]), step[clear] == json!(true));
            let (condition, empty) = (map_of(&step[condition]), step[empty] == json!(true));
            let both = || IpamError::Invalid("contradicts itself".to_owned());
            let pick = |value: Option<_>, empty: bool| match (value, empty) {
                (Some(_), true) => Err(both()),
                (value, false) => Ok(value),
                (None, true) => Ok(Some(BTreeMap::new())),
            };
            Ok::<_, IpamError>(AttributeChange { new: pick(new, clear)?, expected: pick(condition, empty)? })
        };
        let changed = (|| {
            let change = OwnerChange {
                handle: step["handle"].as_str().unwrap().to_owned(),
                active: change("active", "clear_active", "if_active", "if_active_empty")?,
                alternate: change("alternate", "clear_alternate", "if_alternate", "if_alternate_empty")?,
            };
            self.with(|ipam| run(ipam.change_owner(self.addresses(&step["ip"])[0], &change)))
        })();
        compare_error(&step["expect"], changed.err())
    }

    fn ensure_block(&self, step: &Value) -> Outcome {
        let mut request = assign_request(step);
        let mut errors = Vec::new();
        for (family, key) in [(AddressFamily::V4, "host_reserved4"), (AddressFamily::V6, "host_reserved6")] {
            if step[key].is_null() {
                continue;
            }
            request.wanted_for = AllowedUse::Workload;
            match self.with(|ipam| run(ipam.ensure_block(&request, family))) {
                Ok(block) if family == AddressFamily::V6 && !step["expect"]["v6_in"].is_null() => {
                    let within = net(&step["expect"]["v6_in"]).trunc();
                    ensure(within.contains(&block), || format!("claimed {block}"))?;
                }
                Ok(_) => (),
                Err(error) => errors.push(error),
            }
        }
        compare_error(&step["expect"], errors.into_iter().next())
    }

    fn list_blocks(&self, expected: &Value) -> Outcome {
        let blocks = self.blocks();
        compare(expected, "count", &json!(blocks.len()))?;
        let owners: Vec<String> = blocks
            .iter()
            .map(|block| block.owner().map(|owner| owner.to_string()).unwrap_or_default())
            .collect();
        let all = expected["all_affinity"].as_str();
        ensure(all.is_none_or(|all| owners.iter().all(|owner| owner == all)), || format!("{owners:?}"))
    }

    fn utilization(&self, step: &Value) -> Outcome {
        let uses = self.with(|ipam| run(ipam.utilization())).map_err(|error| error.to_string())?;
        let pool = net(&step["pools"][0]);
        let found = uses.iter().find(|found| found.cidr == pool).ok_or("no such pool")?;
        let numbers = json!({
            "capacity": found.capacity, "in_use": found.in_use,
            "reserved": found.reserved, "available": found.available,
        });
        let blocks: Vec<Value> = found
            .blocks
            .iter()
            .map(|block| {
                json!({
                    "cidr": block.cidr.to_string(), "capacity": block.capacity, "in_use": block.in_use,
                    "reserved": block.reserved, "available": block.available,
                })
            })
            .collect();
        compare(&step["expect"], "pool", &numbers)?;
        compare(&step["expect"], "blocks", &json!(blocks))
    }

    pub(crate) fn blocks(&self) -> Vec<AddressBlock> {
        let entries = self.store.entries(BlockKey::PREFIX);
        entries.iter().map(|(_, text)| AddressBlock::read(text.as_bytes()).unwrap()).collect()
    }

    pub(crate) fn affinity_states(&self, host: Option<&str>) -> Vec<String> {
        let prefix =
            host.map_or_else(|| BlockAffinityKey::PREFIX.to_owned(), BlockAffinityKey::prefix_of_host);
        let state = |text: &String| {
            let affinity = read_block_affinity(text.as_bytes()).unwrap();
            affinity.state.unwrap_or(AffinityState::Confirmed).as_str().to_owned()
        };
        self.store.entries(&prefix).iter().map(|(_, text)| state(text)).collect()
    }

    /// Addresses in a step: one, a list, or a saved list, `$a`, or an item of it, `$a[2]`.
    fn addresses(&self, value: &Value) -> Vec<IpAddr> {
        match value {
            Value::Array(items) => items.iter().flat_map(|item| self.addresses(item)).collect(),
            value => {
                let text = value.as_str().unwrap();
                let Some(name) = text.strip_prefix('$') else { return vec![text.parse().unwrap()] };
                match name.split_once('[') {
                    None => self.saved[name].clone(),
                    Some((name, index)) => {
                        vec![self.saved[name][index.trim_end_matches(']').parse::<usize>().unwrap()]]
                    }
                }
            }
        }
    }
}

fn assign_request(step: &Value) -> AssignRequest {
    let family = |count: &str, pools: &str, reserved: &str| FamilyRequest {
        count: usize::try_from(step[count].as_u64().unwrap_or(0)).unwrap(),
        pools: step[pools]
            .as_array()
            .map_or(Vec::new(), |pools| pools.iter().map(|pool| pool.as_str().unwrap().to_owned()).collect()),
        host_reservation: reservation_of(&step[reserved]),
    };
    let wanted_for = step["use"].as_str().and_then(use_of).unwrap_or(AllowedUse::Workload);
    let mut request = AssignRequest::new(&host(step), wanted_for, owner_of(step), 0, 0);
    request.v4 = family("num4", "pools4", "host_reserved4");
    request.v6 = family("num6", "pools6", "host_reserved6");
    request.most_per_handle = limit(&step["max_per_handle"]);
    request.most_blocks = step["max_blocks"].as_u64().map(|most| u32::try_from(most).unwrap());
    request
}

pub(crate) fn reservation_of(value: &Value) -> Option<HostReservation> {
    let number = |key: &str| usize::try_from(value[key].as_u64().unwrap_or(0)).unwrap();
    let note = value["note"].as_str().map(|note| ("note".to_owned(), note.to_owned()));
    let handle = value["handle"].as_str().map(ToOwned::to_owned);
    let owner = AddressOwner { handle, attributes: note.into_iter().collect() };
    (!value.is_null()).then(|| HostReservation { start: number("start"), end: number("end"), owner })
}

fn pool_spec(step: &Value) -> Value {
    let mut spec = json!({
        "cidr": net(&step["cidr"]).trunc().to_string(), "disabled": step["enabled"] == json!(false),
    });
    for (from, to) in
        [("block_size", "blockSize"), ("node_selector", "nodeSelector"), ("allowed_uses", "allowedUses")]
    {
        if !step[from].is_null() {
            spec[to] = step[from].clone();
        }
    }
    spec
}

fn owner_of(step: &Value) -> AddressOwner {
    AddressOwner {
        handle: step["handle"].as_str().map(ToOwned::to_owned),
        attributes: map_of(&step["attrs"]).unwrap_or_default(),
    }
}

fn map_of(value: &Value) -> Option<BTreeMap<String, String>> {
    let fields = value.as_object()?.iter();
    Some(fields.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect())
}

fn limit(value: &Value) -> Option<usize> {
    value.as_u64().map(|value| usize::try_from(value).unwrap())
}

fn use_of(text: &str) -> Option<AllowedUse> {
    AllowedUse::ALL.iter().copied().find(|wanted| wanted.as_str() == text)
}

fn host(step: &Value) -> String {
    step["host"].as_str().unwrap_or("this-host").to_owned()
}

pub(crate) fn net(value: &Value) -> IpNet {
    value.as_str().unwrap().parse().unwrap()
}

fn object_name(cidr: &Value) -> String {
    cidr.as_str().unwrap().replace(['/', ':', '.'], "-").replace("--", "-x-")
}

fn object_key(plural: &str, name: &str) -> String {
    format!("/calico/resources/v3/projectcalico.org/{plural}/{name}")
}

pub(crate) fn ensure(holds: bool, fault: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(fault()) }
}

/// Compares a value with what a step expects of it, if it expects anything.
pub(crate) fn compare(expected: &Value, key: &str, found: &Value) -> Outcome {
    match expected.get(key) {
        Some(wanted) if wanted != found => Err(format!("{key} is {found}, not {wanted}")),
        _ => Ok(()),
    }
}

pub(crate) fn compare_error(expected: &Value, error: Option<IpamError>) -> Outcome {
    let wanted = expected["error"].as_str();
    let found = error.as_ref().map(class);
    ensure(wanted == found, || format!("the error is {error:?}, not {wanted:?}"))
}

/// The class of an error in the corpus.
fn class(error: &IpamError) -> &'static str {
    match error {
        IpamError::NoPools => "no_pools",
        IpamError::NoPoolsForNode { .. } => "no_pools_for_node",
        IpamError::NoQualifiedPool { .. } => "no_qualified_pool",
        IpamError::PoolNotUsable { .. } => "pool_not_found_or_disabled",
        IpamError::PoolFamily { .. } => "pool_family",
        IpamError::NotInPool(_) => "not_in_pool",
        IpamError::UseNotAllowed { .. } => "use_not_allowed",
        IpamError::TooSmall(_) => "too_small",
        IpamError::AffinityMismatch { .. } => "affinity_mismatch",
        IpamError::NotEmpty(_) => "not_empty",
        IpamError::BlockLimit(_) => "block_limit",
        IpamError::HandleLimit { .. } => "handle_limit",
        IpamError::InUse(_) => "already_exists",
        IpamError::NotFound(_) => "not_found",
        IpamError::WrongHandle { .. } => "bad_handle",
        IpamError::Conflict(_) => "conflict",
        IpamError::Invalid(_) => "invalid",
        IpamError::Unreadable { .. }
        | IpamError::Store(_)
        | IpamError::OutcomeUnknown(_)
        | IpamError::Busy(_) => "other",
    }
}

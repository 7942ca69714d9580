//! Clients at the same time, in any order of their requests, some of which are killed half way: no address is given out twice, none is
//! lost, and what is stored never contradicts itself.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod simulated;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use margay_cluster::object::AllowedUse;
use margay_ipam::audit::{Finding, Kind, Snapshot, audit};
use margay_ipam::{
    AddressFamily, AddressOwner, AssignRequest, ClusterState, Ipam, IpamError, NamedRequest, Release,
    WallTime,
};
use margay_watch::{Entry, KeyValue, SwapOutcome};
use proptest::prelude::*;
use simulated::{ModelStore, Tasks, run};

/// What a client does.
#[derive(Clone, Debug)]
enum Action {
    /// Wants addresses.
    Assign { node: u8, handle: u8, count: usize },
    /// Wants one address by name.
    Named { node: u8, handle: u8, ordinal: u8 },
    /// Releases a handle.
    ReleaseHandle { handle: u8 },
    /// Releases addresses one by one, with their handle.
    ReleaseAddress { handle: u8 },
    /// Takes the blocks from a node.
    ReleaseNode { node: u8, must_be_empty: bool },
}

/// What happens next.
#[derive(Clone, Debug)]
enum Event {
    Start(Action),
    /// A request of one of the clients is carried out.
    Step(usize),
    /// A client is killed between two requests.
    Kill(usize),
    /// The next write is carried out, and its answer is lost for good.
    LoseAnswer,
}

/// What a client had got or done when it ended.
enum Ended {
    Assigned { handle: u8, addresses: Vec<IpAddr> },
    Released { handle: u8 },
    Other,
}

#[derive(Clone, Copy, Debug)]
struct Rules {
    strict: bool,
    cooldown: u32,
    /// Requests for a handle follow each other, as those of one container do.
    in_turn: bool,
}

fn actions() -> impl Strategy<Value = Action> {
    let (node, handle) = (0..3_u8, 0..6_u8);
    prop_oneof![
        4 => (node.clone(), handle.clone(), 1..4_usize)
            .prop_map(|(node, handle, count)| Action::Assign { node, handle, count }),
        1 => (node.clone(), handle.clone(), 0..16_u8)
            .prop_map(|(node, handle, ordinal)| Action::Named { node, handle, ordinal }),
        2 => handle.clone().prop_map(|handle| Action::ReleaseHandle { handle }),
        1 => handle.prop_map(|handle| Action::ReleaseAddress { handle }),
        1 => (node, any::<bool>()).prop_map(|(node, must_be_empty)| Action::ReleaseNode { node, must_be_empty }),
    ]
}

fn events(with_kills: bool) -> impl Strategy<Value = Vec<Event>> {
    let kills = u32::from(with_kills);
    let event = prop_oneof![
        4 => actions().prop_map(Event::Start),
        24 => any::<usize>().prop_map(Event::Step),
        kills => any::<usize>().prop_map(Event::Kill),
        kills => Just(Event::LoseAnswer),
    ];
    proptest::collection::vec(event, 1..160)
}

fn rules() -> impl Strategy<Value = Rules> {
    (any::<bool>(), prop_oneof![Just(0_u32), Just(30)]).prop_map(|(strict, cooldown)| Rules {
        strict,
        cooldown,
        in_turn: true,
    })
}

fn handle_name(handle: u8) -> String {
    format!("net.{handle}")
}

fn new_store(rules: Rules) -> ModelStore {
    let store = ModelStore::default();
    let pool = r#"{"apiVersion":"projectcalico.org/v3","kind":"IPPool","metadata":{"name":"p"},
        "spec":{"cidr":"10.0.0.0/28","blockSize":30}}"#;
    store.put("/calico/resources/v3/projectcalico.org/ippools/p", Some(pool));
    let settings = format!(
        r#"{{"strict_affinity":{},"auto_allocate_blocks":true,"ipCooldownSeconds":{}}}"#,
        rules.strict, rules.cooldown,
    );
    store.put("/calico/ipam/v2/config", Some(&settings));
    store
}

async fn carry_out(ipam: &Ipam<'_, ModelStore>, action: Action) -> Ended {
    match action {
        Action::Assign { node, handle, count } => {
            let owner = AddressOwner { handle: Some(handle_name(handle)), ..AddressOwner::default() };
            let request = AssignRequest::new(&format!("n{node}"), AllowedUse::Workload, owner, count, 0);
            let addresses = match ipam.assign(&request, AddressFamily::V4).await {
                Ok(assigned) => assigned.addresses.iter().map(|network| network.addr()).collect(),
                Err(error) => return tolerate(&error),
            };
            Ended::Assigned { handle, addresses }
        }
        Action::Named { node, handle, ordinal } => {
            let address = IpAddr::from([10, 0, 0, ordinal]);
            let owner = AddressOwner { handle: Some(handle_name(handle)), ..AddressOwner::default() };
            let request = NamedRequest {
                address,
                node: format!("n{node}"),
                wanted_for: None,
                owner,
                most_per_handle: None,
            };
            match ipam.assign_named(&request).await {
                Ok(()) => Ended::Assigned { handle, addresses: vec![address] },
                Err(error) => tolerate(&error),
            }
        }
        Action::ReleaseHandle { handle } => match ipam.release_handle(&handle_name(handle)).await {
            Ok(_) => Ended::Released { handle },
            Err(error) => tolerate(&error),
        },
        Action::ReleaseAddress { handle } => {
            let Ok(addresses) = ipam.addresses_of_handle(&handle_name(handle)).await else {
                return Ended::Other;
            };
            let release = |address| Release { handle: Some(handle_name(handle)), ..Release::of(address) };
            let releases: Vec<Release> = addresses.into_iter().map(release).collect();
            match ipam.release(&releases).await {
                Ok(_) => Ended::Released { handle },
                Err(error) => tolerate(&error),
            }
        }
        Action::ReleaseNode { node, must_be_empty } => {
            match ipam.release_affinities_of_host(&format!("n{node}"), must_be_empty).await {
                Ok(()) => Ended::Other,
                Err(error) => tolerate(&error),
            }
        }
    }
}

/// Errors that clients meet as things are; any other is a fault.
fn tolerate(error: &IpamError) -> Ended {
    let is_usual = matches!(
        error,
        IpamError::InUse(_)
            | IpamError::NotFound(_)
            | IpamError::NotEmpty(_)
            | IpamError::AffinityMismatch { .. }
            | IpamError::WrongHandle { .. }
            | IpamError::OutcomeUnknown(_)
    );
    assert!(is_usual, "{error:?}");
    Ended::Other
}

fn snapshot(store: &ModelStore) -> Snapshot {
    let entries = store.entries("/calico/ipam/v2/");
    let values: Vec<KeyValue> = entries
        .into_iter()
        .map(|(key, value)| KeyValue {
            key: key.into_bytes().into(),
            entry: Entry { value: value.into_bytes().into(), revision: margay_watch::Revision(0) },
        })
        .collect();
    Snapshot::of_values(&values)
}

/// What must hold after every request.
fn check_always(store: &ModelStore) -> Result<(), TestCaseError> {
    let faults: Vec<Finding> =
        audit(&snapshot(store)).into_iter().filter(|finding| finding.kind() == Kind::Fault).collect();
    prop_assert!(faults.is_empty(), "{faults:?}\n{:#?}", store.entries("/calico/ipam/"));
    Ok(())
}

/// Carries a history out. Returns the store, and the addresses that clients got and have not asked to be released.
fn carry_out_history(rules: Rules, history: Vec<Event>) -> Result<ModelStore, TestCaseError> {
    let store = new_store(rules);
    let cluster = run(ClusterState::load(&store)).unwrap();
    let ipam = Ipam { store: &store, cluster: &cluster, now: WallTime(1_700_000_000) };
    let mut held: BTreeMap<IpAddr, u8> = BTreeMap::new();
    let mut busy: BTreeSet<u8> = BTreeSet::new();
    let mut handles: BTreeMap<usize, u8> = BTreeMap::new();
    let mut tasks = Tasks::new();
    let steps = (0..6000_usize).map(|number| Event::Step(number.wrapping_mul(0x9e37_79b9) >> 7));
    let mut checked = 0;
    for (number, event) in history.into_iter().chain(steps).enumerate() {
        let ended = match event {
            Event::Start(action) => {
                // A handle is one container's: its requests follow each other.
                let handle = match action {
                    Action::Assign { handle, .. }
                    | Action::Named { handle, .. }
                    | Action::ReleaseHandle { handle }
                    | Action::ReleaseAddress { handle } => Some(handle),
                    Action::ReleaseNode { .. } => None,
                };
                if handle.is_none_or(|handle| busy.insert(handle) || !rules.in_turn) {
                    handles.extend(handle.map(|handle| (number, handle)));
                    if let Action::ReleaseHandle { handle } | Action::ReleaseAddress { handle } = action {
                        held.retain(|_, holder| *holder != handle);
                    }
                    tasks.start(number, carry_out(&ipam, action));
                }
                None
            }
            Event::Step(choice) => tasks.step(choice),
            Event::Kill(choice) => tasks.kill(choice).map(|number| (number, Ended::Other)),
            Event::LoseAnswer => {
                let mut is_over = false;
                store.set_fault(Some(Box::new(move |store, key, expected, value| {
                    (!std::mem::replace(&mut is_over, true)).then(|| {
                        drop(store.apply(key, expected, value.cloned()));
                        SwapOutcome::Unknown("lost".to_owned())
                    })
                })));
                None
            }
        };
        if let Some((number, ended)) = ended {
            if let Some(handle) = handles.get(&number) {
                busy.remove(handle);
            }
            match ended {
                Ended::Assigned { .. } if !rules.in_turn => (),
                Ended::Assigned { handle, addresses } => {
                    for address in addresses {
                        let before = held.insert(address, handle);
                        prop_assert_eq!(before, None, "{} is given out twice", address);
                    }
                }
                Ended::Released { handle } => held.retain(|_, holder| *holder != handle),
                Ended::Other => (),
            }
        }
        if store.revision() != checked {
            checked = store.revision();
            check_always(&store)?;
        }
        if tasks.is_idle() && number > 160 {
            break;
        }
    }
    prop_assert!(tasks.is_idle(), "some clients never end");
    // Whoever got an address has it: it is in use under the handle.
    let blocks = snapshot(&store).blocks;
    for (address, handle) in &held {
        let attributes = blocks.iter().find_map(|block| block.attributes_of(*address));
        let found = attributes.and_then(|attributes| attributes.handle_id.clone());
        prop_assert_eq!(found, Some(handle_name(*handle)), "{}", address);
    }
    drop(tasks);
    Ok(store)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_requests_leaves_everything_consistent(rules in rules(), history in events(false)) {
        let store = carry_out_history(rules, history)?;
        let findings = audit(&snapshot(&store));
        prop_assert!(findings.is_empty(), "{findings:?}");
    }

    #[test]
    fn requests_for_the_same_handle_at_the_same_time_hide_no_address_from_it(
        rules in rules(), history in events(false),
    ) {
        let rules = Rules { in_turn: false, ..rules };
        let store = carry_out_history(rules, history)?;
        let hidden: Vec<Finding> =
            audit(&snapshot(&store)).into_iter().filter(|finding| finding.kind() == Kind::Fault).collect();
        prop_assert!(hidden.is_empty(), "{hidden:?}");
    }

    #[test]
    fn clients_that_are_killed_leave_nothing_that_a_release_does_not_clear(
        rules in rules(), history in events(true),
    ) {
        let store = carry_out_history(rules, history)?;
        store.set_fault(None);
        let cluster = run(ClusterState::load(&store)).unwrap();
        let ipam = Ipam { store: &store, cluster: &cluster, now: WallTime(1_700_000_100) };
        for handle in 0..6 {
            match run(ipam.release_handle(&handle_name(handle))) {
                Ok(_) | Err(IpamError::NotFound(_)) => (),
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
        let snapshot = snapshot(&store);
        prop_assert!(snapshot.handles.is_empty(), "{:?}", snapshot.handles);
        let in_use: Vec<IpAddr> = snapshot.blocks.iter().flat_map(|block| block.in_use().map(|(address, _)| address)).collect();
        prop_assert!(in_use.is_empty(), "{in_use:?} are lost");
    }
}

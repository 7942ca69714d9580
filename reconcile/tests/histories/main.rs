//! Random histories of wishes, interference and losses: in the end the kernel has what is wanted, and what belongs to others is untouched.

mod kernel;
mod universe;

use std::time::Duration;

use margay_reconcile::{
    Key, Kind, MAIN_TABLE, Reconciler, Route, RouteKey, RouteScope, RouteTarget, State, Value,
};
use margay_timestamp::Timestamp;
use proptest::prelude::*;

use kernel::ModelKernel;
use universe::{Interference, Step, link, ownership, step};

struct World {
    kernel: ModelKernel,
    reconciler: Reconciler,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            kernel: ModelKernel::new(ownership()),
            reconciler: Reconciler::new(ownership()),
            now: Timestamp::START,
        };
        world.dump();
        world.reconciler.open();
        world
    }

    fn dump(&mut self) {
        self.kernel.notices.clear();
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Sysctl) {
            self.reconciler.on_dump(kind, self.kernel.list(kind));
        }
        self.reconciler.read_all_sysctls();
    }

    /// Hands in all notices, then carries out one round of operations. Returns whether one succeeded.
    fn turn(&mut self) -> bool {
        while let Some(notice) = self.kernel.notices.pop_front() {
            self.reconciler.on_seen(notice);
        }
        for key in self.reconciler.poll_reads() {
            self.reconciler.on_seen(self.kernel.read(&key));
        }
        let mut succeeded = false;
        for operation in self.reconciler.poll_operations(self.now) {
            let result = self.kernel.carry_out(&operation);
            succeeded |= result.is_ok();
            self.reconciler.on_result(self.now, operation, result);
        }
        succeeded
    }

    fn settle(&mut self) {
        self.kernel.is_stubborn = false;
        for _ in 0..50 {
            let rounds: Vec<bool> = (0..3).map(|_| self.turn_later()).collect();
            if !rounds.contains(&true) {
                return;
            }
        }
        panic!("no end of operations: {:?}", self.reconciler.poll_operations(self.now));
    }

    /// A turn at a time when everything that was refused is due.
    fn turn_later(&mut self) -> bool {
        self.now = self.now + Duration::from_secs(31);
        self.turn()
    }

    fn take(&mut self, step: Step) {
        self.now = self.now + Duration::from_millis(50);
        match step {
            Step::Want(key, value) => self.reconciler.want(key, value),
            Step::Turn => drop(self.turn()),
            Step::Lose => {
                self.kernel.notices.clear();
                self.kernel.forget_histories();
                self.dump();
            }
            Step::Others(interference) => self.kernel.interfere(interference),
            Step::Refuse(stubborn) => self.kernel.is_stubborn = stubborn,
        }
    }

    fn check(&self) {
        for (key, value) in self.reconciler.wanted() {
            let state = self.reconciler.state(key);
            let present = self.kernel.get(key);
            let is_met = present.is_some_and(|present| value.is_met_by(present));
            match state {
                Some(State::Held) => assert!(is_met, "{key} counts as held, but the kernel has {present:?}"),
                Some(State::Waiting(link)) => {
                    assert!(
                        !self.kernel.is_up(&link) || !self.kernel.has_link(&link),
                        "{key} waits for {link}"
                    );
                }
                Some(State::Refused(_)) => assert!(self.kernel.is_foreign(key), "{key} is refused for ever"),
                Some(State::Pending) => {
                    let is_absent = key.kind() == Kind::Sysctl && present.is_none();
                    assert!(is_absent || key.kind() == Kind::Link, "{key} is never written");
                }
                None => panic!("{key} is not known"),
            }
        }
        for key in self.kernel.own_things() {
            assert!(self.reconciler.state(&key).is_some(), "{key} is left over");
        }
        self.kernel.check_foreign();
    }
}

/// Between the two, its place was free: what is there is not an answer to ours.
#[test]
fn what_another_program_put_where_a_lost_route_was_stays() {
    let key =
        Key::Route(RouteKey { table: MAIN_TABLE, destination: "10.0.0.2/32".parse().unwrap(), metric: 0 });
    let route = |target| Value::Route(Route { target, source: None, scope: RouteScope::Universe });
    let mut world = World::new();
    for step in [
        Step::Want(key.clone(), Some(route(RouteTarget::Link(link("eth0"))))),
        Step::Turn,
        Step::Others(Interference::Remove(key.clone())),
        Step::Others(Interference::Create(key.clone(), route(RouteTarget::Blackhole))),
        Step::Lose,
    ] {
        world.take(step);
    }
    world.settle();
    world.check();
    assert!(matches!(world.reconciler.state(&key), Some(State::Refused(_))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]
    #[test]
    fn the_kernel_has_what_is_wanted_after_any_history(steps in proptest::collection::vec(step(), 0..60)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        world.settle();
        world.check();
        // A second reader of the same kernel, as after a restart, has nothing to write.
        let mut restarted = Reconciler::new(ownership());
        let wanted: Vec<_> = world.reconciler.wanted().map(|(key, value)| (key.clone(), value.clone())).collect();
        for (key, value) in wanted {
            let is_refused = matches!(world.reconciler.state(&key), Some(State::Refused(_)));
            restarted.want(key, Some(value).filter(|_| !is_refused));
        }
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Sysctl) {
            restarted.on_dump(kind, world.kernel.list(kind));
        }
        for key in restarted.poll_reads() {
            restarted.on_seen(world.kernel.read(&key));
        }
        restarted.open();
        prop_assert_eq!(restarted.poll_operations(world.now), vec![]);
    }
}

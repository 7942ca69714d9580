//! The scenarios by their names on the command line.

use std::time::Duration;

use clap::ValueEnum;

use super::Scenario;
use super::best_path::{BestPath, BestPathOptions};
use super::crowd::{Crowd, CrowdOptions};
use super::filters::{Filters, FiltersOptions, PREFIX_SETS, PREFIXES, TERMS};
use super::flood::Flood;
use super::full::{Full, FullOptions};
use super::herd::Herd;
use super::kernel::{Kernel, KernelOptions};
use super::kernel_churn::{KernelChurn, KernelChurnOptions};
use super::kernel_ecmp::{KernelEcmp, KernelEcmpOptions};
use super::kernel_groups::{KernelGroups, KernelGroupsOptions};
use super::latency::{Latency, LatencyOptions};
use super::operations::{Operations, OperationsOptions, RECEIVERS};
use super::reflection::{Reflection, ReflectionOptions};
use super::reflector_operations::ReflectorOperations;
use super::reflector_table::{ReflectorTable, ReflectorTableOptions};
use super::reloads::{Reloads, ReloadsOptions};
use super::stuck_reader::{StuckReader, StuckReaderOptions};

/// One of the scenarios.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ScenarioName {
    /// One peer announces a full table, another receives it, a third comes late; it changes and it goes
    Full,
    /// Eight peers announce the same 400,000 prefixes at once, and one receives the best routes
    Best8,
    /// 500 clients of a route reflector announce 100 routes each, and each receives those of all others
    Rr500,
    /// 2,000 clients of a route reflector announce 20 routes each, and each receives those of all others
    Rr2000,
    /// 2,000 clients of a route reflector ask again, half of them get other filters, leave and come; needs filters
    RrOperations,
    /// 500 clients of a route reflector come to a full table, ask for it again, half leave and come, and the table goes
    RrTable,
    /// 2,000 clients of a route reflector come at once after its start, and again after it was killed
    Herd,
    /// 4,000 clients of a route reflector announce the same 100 prefixes, and all leave at once
    Crowd,
    /// Routes of 100 clients of a route reflector come and go, 1,000 changes a second
    Latency,
    /// One client of a route reflector stops reading for minutes while another one's prefixes come and go
    StuckReader,
    /// A peer announces 10,000,000 prefixes, against a prefix limit and under the memory guard; needs both
    Flood,
    /// A full table, while peers ask for it again, filters change, and receivers come and go; needs filters
    Operations,
    /// The filters of a route reflector with 500 clients and 100,000 routes change every second for a minute; needs filters
    Reloads,
    /// A full table goes through import filters of many terms, and the filter of the receiver changes; needs filters
    Filters,
    /// One peer's full table goes into the kernel, and out again when the peer drops; needs root
    Kernel,
    /// 100,000 routes with two equal next hops lose one of them; needs root
    KernelEcmp,
    /// 20,000 routes with groups of 2 to 16 next hops of their own each lose one; needs root
    KernelGroups,
    /// 500 pods come and go next to a kernel with 25,000 routes; needs root
    KernelChurn,
}

/// Sizes that can be chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Of the full table.
    pub(crate) prefixes: usize,
    /// Of the full table.
    pub(crate) attribute_sets: usize,
    pub(crate) seed: u64,
    /// How long a reader stands still.
    pub(crate) standstill: Duration,
}

impl ScenarioName {
    /// All scenarios, in order.
    pub(crate) fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    /// Its name in tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Best8 => "best8",
            Self::Rr500 => "rr500",
            Self::Rr2000 => "rr2000",
            Self::RrOperations => "rr-operations",
            Self::RrTable => "rr-table",
            Self::Herd => "herd",
            Self::Crowd => "crowd",
            Self::Latency => "latency",
            Self::Operations => "operations",
            Self::Filters => "filters",
            Self::Reloads => "reloads",
            Self::StuckReader => "stuck-reader",
            Self::Flood => "flood",
            Self::Kernel => "kernel",
            Self::KernelEcmp => "kernel-ecmp",
            Self::KernelGroups => "kernel-groups",
            Self::KernelChurn => "kernel-churn",
        }
    }

    /// Description for people.
    pub(crate) fn says(self, sizes: Sizes) -> String {
        match self {
            Self::Full => format!(
                "one external peer announces {} prefixes with {} attribute sets to another; a third comes late; all \
                 is announced again with other attributes; the first peer goes",
                sizes.prefixes, sizes.attribute_sets
            ),
            Self::Best8 => format!(
                "{} external peers announce the same {} prefixes at once, with {} attribute sets each; another receives \
                 the best routes",
                BEST8.feeds, BEST8.prefixes, BEST8.attribute_sets
            ),
            Self::Herd => {
                let (clients, routes_each) = self.cluster();
                format!(
                    "{clients} clients of a route reflector come as fast as they can, each with {routes_each} routes of its \
                     own and worse paths to those of the last one; the reflector is killed, and they come again"
                )
            }
            Self::RrOperations => {
                let (clients, routes_each) = self.cluster();
                format!(
                    "{clients} clients of a route reflector with {routes_each} routes each: all ask for everything again; \
                     other filters refuse some of it to half of them; half leave and come back"
                )
            }
            Self::RrTable => {
                let (clients, routes_each) = self.cluster();
                format!(
                    "{clients} clients of a route reflector, each with {routes_each} routes, come to one that has announced {} \
                     prefixes with {} attribute sets; all ask for everything again; half leave and come back; the one \
                     with the table goes",
                    sizes.prefixes, sizes.attribute_sets
                )
            }
            Self::Latency => format!(
                "{} clients of a route reflector with {} routes each; every {:?} a route goes or comes back, and all \
                 other clients must know",
                LATENCY.clients, LATENCY.routes_each, LATENCY.interval
            ),
            Self::Operations => format!(
                "one external peer announces {} prefixes with {} attribute sets to {RECEIVERS} others: they ask for them \
                 again, other filters refuse half of the table to one, to all and from the first; all but one leave and \
                 come back; the first peer goes",
                sizes.prefixes, sizes.attribute_sets
            ),
            Self::Reloads => {
                let (clients, routes_each) = self.cluster();
                format!(
                    "{clients} clients of a route reflector with {routes_each} routes each; {RELOADS} times, every {RELOAD_INTERVAL:?}, \
                     a reload refuses a part of them to another client, and gives it back to the one before"
                )
            }
            Self::Filters => format!(
                "one external peer announces {} prefixes with {} attribute sets to another: without a filter, through one of {TERMS} \
                 terms on communities and AS paths, and through one of which {PREFIX_SETS} are sets of {PREFIXES} prefixes; then other \
                 filters refuse half of the table to the receiver, and no longer",
                sizes.prefixes, sizes.attribute_sets
            ),
            Self::StuckReader => format!(
                "one of four clients of a route reflector with {} prefixes stops reading for {:?}, while another one \
                 announces and withdraws ever new prefixes",
                STUCK_READER.0, sizes.standstill
            ),
            Self::Flood => format!(
                "one of three clients of a route reflector announces {FLOOD} prefixes, against a prefix limit, then under the \
                 memory guard, while another one announces a route every millisecond to the third"
            ),
            Self::Kernel => format!(
                "{} prefixes with {} attribute sets from one external peer go into the kernel; the peer drops",
                sizes.prefixes, sizes.attribute_sets
            ),
            Self::KernelEcmp => format!(
                "{} prefixes from two peers go into the kernel over both; the wire of one is pulled and mended, then its \
                 session is lost",
                KERNEL_ECMP.prefixes
            ),
            Self::Crowd => format!(
                "{} clients of a route reflector announce the same {} prefixes, each path worse than the one before; all \
                 but one that announces nothing leave at once, the best first",
                CROWD.clients, CROWD.prefixes
            ),
            Self::KernelGroups => format!(
                "{} prefixes go into the kernel, each over 2 to 16 next hops of its own; one of each goes with its peer, \
                 then the others",
                KERNEL_GROUPS.groups
            ),
            Self::KernelChurn => format!(
                "{} prefixes in the kernel; of {} pods one goes and another comes every {:?}, for {:?}",
                KERNEL_CHURN.prefixes, KERNEL_CHURN.pods, KERNEL_CHURN.interval, KERNEL_CHURN.duration
            ),
            Self::Rr500 | Self::Rr2000 => {
                let (clients, routes_each) = self.cluster();
                format!(
                    "{clients} clients of a route reflector announce {routes_each} routes each, all to all: {} \
                     million advertisements",
                    clients * clients * routes_each / 1_000_000
                )
            }
        }
    }

    /// Number of peers.
    pub(crate) fn peers(self) -> usize {
        match self {
            Self::Full => 3,
            Self::Best8 => BEST8.feeds + 1,
            Self::Latency => LATENCY.clients,
            Self::Operations => 1 + RECEIVERS,
            Self::Filters => 2,
            Self::StuckReader => 4,
            Self::Flood => 3,
            Self::Kernel | Self::KernelChurn => 1,
            Self::KernelEcmp => 2,
            Self::KernelGroups => 16,
            Self::Crowd => 1 + CROWD.clients,
            Self::RrTable => self.cluster().0 + 1,
            Self::Herd | Self::Rr500 | Self::Rr2000 | Self::RrOperations | Self::Reloads => self.cluster().0,
        }
    }

    /// Prepares the scenario.
    pub(crate) fn prepare(self, sizes: Sizes) -> Box<dyn Scenario> {
        let Sizes { prefixes, attribute_sets, seed, standstill } = sizes;
        match self {
            Self::Full => Box::new(Full::prepare(FullOptions { prefixes, attribute_sets, seed })),
            Self::Best8 => Box::new(BestPath::prepare(BestPathOptions { seed, ..BEST8 })),
            Self::Operations => {
                Box::new(Operations::prepare(OperationsOptions { prefixes, attribute_sets, seed }))
            }
            Self::Reloads => {
                let (clients, routes_each) = self.cluster();
                let cluster = ReflectionOptions { clients, routes_each, seed };
                let (changes, interval) = (RELOADS, RELOAD_INTERVAL);
                Box::new(Reloads::prepare(ReloadsOptions { changes, interval, cluster }))
            }
            Self::Filters => Box::new(Filters::prepare(FiltersOptions { prefixes, attribute_sets, seed })),
            Self::StuckReader => {
                let (prefixes, attribute_sets) = STUCK_READER;
                Box::new(StuckReader::prepare(StuckReaderOptions {
                    prefixes,
                    attribute_sets,
                    standstill,
                    seed,
                }))
            }
            Self::Flood => Box::new(Flood::prepare(FLOOD)),
            Self::Kernel => Box::new(Kernel::prepare(KernelOptions { prefixes, attribute_sets, seed })),
            Self::KernelEcmp => Box::new(KernelEcmp::prepare(KernelEcmpOptions { seed, ..KERNEL_ECMP })),
            Self::KernelChurn => Box::new(KernelChurn::prepare(KernelChurnOptions { seed, ..KERNEL_CHURN })),
            Self::Crowd => Box::new(Crowd::prepare(CrowdOptions { seed, ..CROWD })),
            Self::KernelGroups => {
                Box::new(KernelGroups::prepare(KernelGroupsOptions { seed, ..KERNEL_GROUPS }))
            }
            Self::Herd => {
                let (clients, routes_each) = self.cluster();
                Box::new(Herd::prepare(ReflectionOptions { clients, routes_each, seed }))
            }
            Self::RrOperations => {
                let (clients, routes_each) = self.cluster();
                Box::new(ReflectorOperations::prepare(ReflectionOptions { clients, routes_each, seed }))
            }
            Self::RrTable => {
                let (clients, routes_each) = self.cluster();
                let others = ReflectionOptions { clients, routes_each, seed };
                Box::new(ReflectorTable::prepare(ReflectorTableOptions { prefixes, attribute_sets, others }))
            }
            Self::Latency => Box::new(Latency::prepare(LatencyOptions { seed, ..LATENCY })),
            Self::Rr500 | Self::Rr2000 => {
                let (clients, routes_each) = self.cluster();
                Box::new(Reflection::prepare(ReflectionOptions { clients, routes_each, seed }))
            }
        }
    }

    /// Number of a reflector's clients, and of routes of each.
    fn cluster(self) -> (usize, usize) {
        match self {
            Self::Herd | Self::Rr2000 | Self::RrOperations => (2_000, 20),
            Self::RrTable => (500, 20),
            Self::Reloads => (500, 200),
            Self::Full
            | Self::Best8
            | Self::Crowd
            | Self::KernelGroups
            | Self::Latency
            | Self::Operations
            | Self::Filters
            | Self::StuckReader
            | Self::Flood
            | Self::Kernel
            | Self::KernelEcmp
            | Self::KernelChurn
            | Self::Rr500 => (500, 100),
        }
    }
}

const BEST8: BestPathOptions =
    BestPathOptions { feeds: 8, prefixes: 400_000, attribute_sets: 60_000, seed: 0 };

/// 1,000 changes a second for 10 seconds.
const LATENCY: LatencyOptions =
    LatencyOptions { clients: 100, routes_each: 10, interval: Duration::from_millis(1), returns: 5, seed: 0 };

/// Prefixes and attribute sets of the table.
const STUCK_READER: (usize, usize) = (300_000, 45_000);

/// Prefixes.
const FLOOD: u32 = 10_000_000;

const CROWD: CrowdOptions = CrowdOptions { clients: 4_000, prefixes: 100, seed: 0 };

/// For a minute.
const RELOADS: usize = 60;
const RELOAD_INTERVAL: Duration = Duration::from_secs(1);

const KERNEL_GROUPS: KernelGroupsOptions = KernelGroupsOptions { groups: 20_000, seed: 0 };

const KERNEL_ECMP: KernelEcmpOptions =
    KernelEcmpOptions { prefixes: 100_000, attribute_sets: 15_000, seed: 0 };

/// Ten pods per second are removed and ten created.
const KERNEL_CHURN: KernelChurnOptions = KernelChurnOptions {
    prefixes: 25_000,
    attribute_sets: 500,
    pods: 500,
    interval: Duration::from_millis(100),
    duration: Duration::from_secs(10),
    seed: 0,
};

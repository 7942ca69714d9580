//! The scenarios by the names they have on the command line.

use clap::ValueEnum;

use super::Scenario;
use super::full::{Full, FullOptions};
use super::reflection::{Reflection, ReflectionOptions};

/// One of the scenarios.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ScenarioName {
    /// One peer announces a full table, another receives it, a third comes late; it changes and it goes
    Full,
    /// 500 clients of a route reflector announce 100 routes each, and each receives those of all others
    Rr500,
    /// 2,000 clients of a route reflector announce 20 routes each, and each receives those of all others
    Rr2000,
}

/// What can be chosen of a scenario's size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Of the full table.
    pub(crate) prefixes: usize,
    /// Of the full table.
    pub(crate) attribute_sets: usize,
    pub(crate) seed: u64,
}

impl ScenarioName {
    /// All of them, in the order in which they are played.
    pub(crate) fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    /// Its name in tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Rr500 => "rr500",
            Self::Rr2000 => "rr2000",
        }
    }

    /// What happens, for people.
    pub(crate) fn says(self, sizes: Sizes) -> String {
        match self {
            Self::Full => format!(
                "one external peer announces {} prefixes with {} attribute sets to another; a third comes late; all \
                 is announced again with other attributes; the first peer goes",
                sizes.prefixes, sizes.attribute_sets
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

    /// How many peers there are.
    pub(crate) fn peers(self) -> usize {
        match self {
            Self::Full => 3,
            Self::Rr500 | Self::Rr2000 => self.cluster().0,
        }
    }

    /// Makes ready what can be.
    pub(crate) fn prepare(self, sizes: Sizes) -> Box<dyn Scenario> {
        let Sizes { prefixes, attribute_sets, seed } = sizes;
        match self {
            Self::Full => Box::new(Full::prepare(FullOptions { prefixes, attribute_sets, seed })),
            Self::Rr500 | Self::Rr2000 => {
                let (clients, routes_each) = self.cluster();
                Box::new(Reflection::prepare(ReflectionOptions { clients, routes_each, seed }))
            }
        }
    }

    /// How many clients a reflector has, and how many routes each of them.
    fn cluster(self) -> (usize, usize) {
        match self {
            Self::Rr2000 => (2_000, 20),
            Self::Full | Self::Rr500 => (500, 100),
        }
    }
}

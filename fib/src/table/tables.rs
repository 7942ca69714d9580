//! The routing tables that are watched, and which of their routes are ours.

use crate::{FibOptions, netlink::RouteShape};

/// Numbers of the watched tables by position: those for our routes come first.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    numbers: Vec<u32>,
    ours: u8,
    protocol: u8,
}

impl Tables {
    pub(crate) fn new(options: &FibOptions) -> Self {
        let mut numbers = Vec::new();
        let imported = options.imports.iter().map(|rule| rule.table);
        let watched = options.tables.iter().copied().chain([RT_TABLE_LOCAL, RT_TABLE_MAIN]).chain(imported);
        for number in watched {
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
        let ours = u8::try_from(options.tables.len()).expect("the configuration has few tables");
        Self { numbers, ours, protocol: options.protocol }
    }

    /// Position of a table; `None` if it is not watched.
    pub(crate) fn position(&self, number: u32) -> Option<u8> {
        self.numbers
            .iter()
            .position(|&known| known == number)
            .and_then(|position| u8::try_from(position).ok())
    }

    pub(crate) fn number(&self, position: u8) -> u32 {
        self.numbers[usize::from(position)]
    }

    /// The positions of all watched tables.
    pub(crate) fn all(&self) -> impl Iterator<Item = u8> + use<> {
        0..u8::try_from(self.numbers.len()).expect("the configuration has few tables")
    }

    /// The positions of the tables that our routes are put into.
    pub(crate) fn ours(&self) -> impl Iterator<Item = u8> + use<> {
        0..self.ours
    }

    /// Whether our routes are put into the table at a position.
    pub(crate) fn has_own(&self, position: u8) -> bool {
        position < self.ours
    }

    /// Whether a route in the table at a position is one of ours.
    pub(crate) fn is_ours(&self, position: u8, shape: &RouteShape) -> bool {
        self.has_own(position) && shape.protocol == self.protocol
    }

    /// Positions of the tables that a next hop is looked up in, in the order of the kernel's rules.
    pub(crate) fn for_resolution(&self) -> impl Iterator<Item = u8> + '_ {
        let fixed = [RT_TABLE_LOCAL, RT_TABLE_MAIN].into_iter().filter_map(|number| self.position(number));
        let others =
            self.ours().filter(|&position| ![RT_TABLE_LOCAL, RT_TABLE_MAIN].contains(&self.number(position)));
        fixed.chain(others)
    }
}

pub(crate) const RT_TABLE_MAIN: u32 = 254;
const RT_TABLE_LOCAL: u32 = 255;

//! The address families that the Rib holds, and values kept for each of them.

use std::ops::{Index, IndexMut};

use bgp_codec::{Family, IpPrefix, Ipv4Prefix, Ipv6Prefix};

/// The families that the Rib holds, one a line: a name, and the type of its prefixes.
macro_rules! families {
    ($($name:ident: $prefix:ty,)+) => {
        /// Names an address family that the Rib holds.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum FamilyIndex {
            $($name,)+
        }

        impl FamilyIndex {
            /// All families, in the order of their numbers.
            pub(crate) const ALL: [Self; [$(Self::$name),+].len()] = [$(Self::$name),+];

            /// Runs work that depends on the type of the family's prefixes.
            pub(crate) fn with_prefixes<W: WithPrefixes>(self, work: W) -> W::Output {
                match self {
                    $(Self::$name => work.run::<$prefix>(),)+
                }
            }
        }

        $(impl RibFamily for $prefix {
            const INDEX: FamilyIndex = FamilyIndex::$name;
        })+
    };
}

families! {
    Ipv4Unicast: Ipv4Prefix,
    Ipv6Unicast: Ipv6Prefix,
}

impl FamilyIndex {
    /// `None` for a family that the Rib does not hold.
    pub(crate) fn of(family: Family) -> Option<Self> {
        Self::ALL.into_iter().find(|held| held.family() == family)
    }

    pub(crate) fn family(self) -> Family {
        struct FamilyOfPrefixes;
        impl WithPrefixes for FamilyOfPrefixes {
            type Output = Family;

            fn run<P: RibFamily>(self) -> Family {
                P::FAMILY
            }
        }
        self.with_prefixes(FamilyOfPrefixes)
    }
}

/// The prefixes of a family that the Rib holds.
pub(crate) trait RibFamily: IpPrefix {
    const INDEX: FamilyIndex;
}

/// Work on a family that depends on the type of its prefixes.
pub(crate) trait WithPrefixes {
    type Output;

    fn run<P: RibFamily>(self) -> Self::Output;
}

/// One value for each address family.
#[derive(Clone, Debug, Default)]
pub(crate) struct PerFamily<T>([T; FamilyIndex::ALL.len()]);

impl<T> PerFamily<T> {
    pub(crate) fn new(value: impl FnMut(FamilyIndex) -> T) -> Self {
        Self(FamilyIndex::ALL.map(value))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (FamilyIndex, &T)> {
        FamilyIndex::ALL.into_iter().zip(&self.0)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (FamilyIndex, &mut T)> {
        FamilyIndex::ALL.into_iter().zip(&mut self.0)
    }
}

impl<T> IntoIterator for PerFamily<T> {
    type Item = (FamilyIndex, T);
    type IntoIter = std::iter::Zip<
        std::array::IntoIter<FamilyIndex, { FamilyIndex::ALL.len() }>,
        std::array::IntoIter<T, { FamilyIndex::ALL.len() }>,
    >;

    fn into_iter(self) -> Self::IntoIter {
        FamilyIndex::ALL.into_iter().zip(self.0)
    }
}

impl<T> Index<FamilyIndex> for PerFamily<T> {
    type Output = T;

    fn index(&self, family: FamilyIndex) -> &T {
        &self.0[family as usize]
    }
}

impl<T> IndexMut<FamilyIndex> for PerFamily<T> {
    fn index_mut(&mut self, family: FamilyIndex) -> &mut T {
        &mut self.0[family as usize]
    }
}

/// The family that is served next where families take turns.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct FamilyTurn(usize);

impl FamilyTurn {
    /// The families in the order in which they are to be served.
    pub(crate) fn order(self) -> impl Iterator<Item = FamilyIndex> {
        FamilyIndex::ALL.into_iter().cycle().skip(self.0).take(FamilyIndex::ALL.len())
    }

    /// Notes that a family has been served: it comes last from now on.
    pub(crate) fn on_served(&mut self, family: FamilyIndex) {
        self.0 = (family as usize + 1) % FamilyIndex::ALL.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_served_last_comes_last() {
        let mut turn = FamilyTurn::default();
        for served in FamilyIndex::ALL {
            turn.on_served(served);
            assert_eq!(turn.order().last(), Some(served));
            assert_eq!(turn.order().count(), FamilyIndex::ALL.len());
        }
    }
}

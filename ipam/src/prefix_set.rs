//! Sets of addresses, given as prefixes: reservations.

use std::net::IpAddr;

use ipnet::IpNet;

/// The addresses that any of some prefixes covers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PrefixSet {
    /// Disjoint, and as short as possible: neighbours are merged.
    prefixes: Vec<IpNet>,
}

impl PrefixSet {
    /// The union of prefixes, which may overlap and may have host bits.
    #[must_use]
    pub fn new(prefixes: impl IntoIterator<Item = IpNet>) -> Self {
        let prefixes: Vec<IpNet> = prefixes.into_iter().map(|prefix| prefix.trunc()).collect();
        Self { prefixes: IpNet::aggregate(&prefixes) }
    }

    /// The union of texts such as `10.0.0.0/24` and `10.0.0.1`. Texts that are neither are left out.
    #[must_use]
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        Self::new(texts.into_iter().filter_map(|text| margay_cluster::value::parse_network(text.trim())))
    }

    /// The set as disjoint prefixes.
    #[must_use]
    pub fn prefixes(&self) -> &[IpNet] {
        &self.prefixes
    }

    /// True for an address of the set.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.prefixes.iter().any(|prefix| prefix.contains(&address))
    }

    /// True when all addresses of a prefix are in the set.
    #[must_use]
    pub fn covers(&self, prefix: IpNet) -> bool {
        self.prefixes.iter().any(|own| own.contains(&prefix.trunc()))
    }

    /// How many addresses of a prefix are in the set; `u128::MAX` when that does not fit.
    #[must_use]
    pub fn count_in(&self, prefix: IpNet) -> u128 {
        if self.covers(prefix) {
            return address_count(prefix);
        }
        let inside = self.prefixes.iter().filter(|own| prefix.contains(*own));
        inside.fold(0_u128, |sum, own| sum.saturating_add(address_count(*own)))
    }
}

/// The addresses of a prefix; `u128::MAX` for all of IPv6.
#[must_use]
pub fn address_count(prefix: IpNet) -> u128 {
    let bits = u32::from(prefix.max_prefix_len() - prefix.prefix_len());
    1_u128.checked_shl(bits).unwrap_or(u128::MAX)
}

/// Prefixes without those that another one of them covers, in their order.
#[must_use]
pub fn without_covered(prefixes: &[IpNet]) -> Vec<IpNet> {
    let is_covered = |number: usize, prefix: &IpNet| {
        prefixes
            .iter()
            .enumerate()
            .any(|(other_number, other)| other.contains(prefix) && (other != prefix || other_number < number))
    };
    let kept = prefixes.iter().enumerate().filter(|(number, prefix)| !is_covered(*number, prefix));
    kept.map(|(_, prefix)| *prefix).collect()
}

//! The address families that the Rib holds, and values that exist once for each.

use bgp_codec::{IpPrefix, Ipv4Prefix, Ipv6Prefix};

/// One value for each address family.
#[derive(Clone, Debug, Default)]
pub(crate) struct PerFamily<T> {
    pub(crate) ipv4: T,
    pub(crate) ipv6: T,
}

/// A family of prefixes that the Rib holds: finds its own value in a [`PerFamily`].
pub(crate) trait RibFamily: IpPrefix {
    fn of<T>(values: &PerFamily<T>) -> &T;
    fn of_mut<T>(values: &mut PerFamily<T>) -> &mut T;
}

impl RibFamily for Ipv4Prefix {
    fn of<T>(values: &PerFamily<T>) -> &T {
        &values.ipv4
    }

    fn of_mut<T>(values: &mut PerFamily<T>) -> &mut T {
        &mut values.ipv4
    }
}

impl RibFamily for Ipv6Prefix {
    fn of<T>(values: &PerFamily<T>) -> &T {
        &values.ipv6
    }

    fn of_mut<T>(values: &mut PerFamily<T>) -> &mut T {
        &mut values.ipv6
    }
}

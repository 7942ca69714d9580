//! Values as octets: how what the Rib is told stands in a recording.
//!
//! Numbers are big-endian, lists and texts begin with their length, enums with a number for the variant. A value that has
//! other parts than before makes another [`FORMAT`](super::FORMAT).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;
use std::sync::Arc;

use bgp_codec::{
    Afi, AsWidth, Asn, BgpIdentifier, ClusterId, DecodeContext, Family, IpPrefix, Ipv4Prefix, Ipv6Prefix,
    NextHop, PeerKind, Prefix, Safi,
};
use bytes::Bytes;
use margay_filter::{
    Action, Filter, FilterChain, LengthRange, Match, NewValue, Rule, RuleEdits, Value, ValueRange,
};
use margay_rib::{
    ClientToClient, Discard, ForwardingOptions, KernelRouteView, NetworkOptions, NextHopMode, PathsSent,
    PeerIndex, PeerOptions, PeerRules, Reflection, ReflectorOptions, RibOptions, Way, WayChange,
};

/// A value of a recording.
pub(super) trait Recorded: Sized {
    fn write(&self, out: &mut Vec<u8>);

    /// Takes one off the front of `octets`; `None` when they hold none.
    fn read(octets: &mut &[u8]) -> Option<Self>;
}

/// A struct as its fields, in this order.
macro_rules! recorded_struct {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl Recorded for $name {
            fn write(&self, out: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($field.write(out);)*
            }

            fn read(octets: &mut &[u8]) -> Option<Self> {
                $(let $field = Recorded::read(octets)?;)*
                Some(Self { $($field),* })
            }
        }
    };
}

/// An enum as the number of its variant and its fields.
macro_rules! recorded_enum {
    ($name:ident { $($number:literal => $variant:ident $(( $($field:ident),* ))? $({ $($named:ident),* })?),* $(,)? }) => {
        impl Recorded for $name {
            fn write(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $(( $($field),* ))? $({ $($named),* })? => {
                        out.push($number);
                        $($($field.write(out);)*)?
                        $($($named.write(out);)*)?
                    })*
                }
            }

            fn read(octets: &mut &[u8]) -> Option<Self> {
                match u8::read(octets)? {
                    $($number => {
                        $($(let $field = Recorded::read(octets)?;)*)?
                        $($(let $named = Recorded::read(octets)?;)*)?
                        Some(Self::$variant $(( $($field),* ))? $({ $($named),* })?)
                    })*
                    _ => None,
                }
            }
        }
    };
}

/// A value as another that says the same.
macro_rules! recorded_as {
    ($name:ty as $other:ty: $write:expr, $read:expr) => {
        impl Recorded for $name {
            fn write(&self, out: &mut Vec<u8>) {
                let write: fn(&Self) -> $other = $write;
                write(self).write(out);
            }

            fn read(octets: &mut &[u8]) -> Option<Self> {
                let read: fn($other) -> Option<Self> = $read;
                read(Recorded::read(octets)?)
            }
        }
    };
}

macro_rules! recorded_number {
    ($($name:ty),*) => {
        $(impl Recorded for $name {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }

            fn read(octets: &mut &[u8]) -> Option<Self> {
                let (number, rest) = octets.split_first_chunk()?;
                *octets = rest;
                Some(Self::from_be_bytes(*number))
            }
        })*
    };
}

pub(super) use recorded_enum;

recorded_number!(u8, u16, u32, u64, u128);
recorded_as!(bool as u8: |&value| value.into(), |number| (number <= 1).then_some(number == 1));
recorded_as!(usize as u64: |&value| value as u64, |number| number.try_into().ok());
recorded_as!(NonZeroU16 as u16: |value| value.get(), Self::new);
recorded_as!(Arc<str> as Bytes: |text| Bytes::copy_from_slice(text.as_bytes()), |octets| {
    Some(Self::from(str::from_utf8(&octets).ok()?))
});

impl Recorded for Bytes {
    fn write(&self, out: &mut Vec<u8>) {
        self.len().write(out);
        out.extend_from_slice(self);
    }

    fn read(octets: &mut &[u8]) -> Option<Self> {
        let length = usize::read(octets)?;
        let (value, rest) = octets.split_at_checked(length)?;
        *octets = rest;
        Some(Self::copy_from_slice(value))
    }
}

impl<T: Recorded> Recorded for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.len().write(out);
        self.iter().for_each(|value| value.write(out));
    }

    fn read(octets: &mut &[u8]) -> Option<Self> {
        let length = usize::read(octets)?;
        (0..length).map(|_| T::read(octets)).collect()
    }
}

impl<T: Recorded> Recorded for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.is_some().write(out);
        self.iter().for_each(|value| value.write(out));
    }

    fn read(octets: &mut &[u8]) -> Option<Self> {
        Some(if bool::read(octets)? { Some(T::read(octets)?) } else { None })
    }
}

impl<T: Recorded> Recorded for Box<T> {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }

    fn read(octets: &mut &[u8]) -> Option<Self> {
        T::read(octets).map(Self::new)
    }
}

impl<A: Recorded, B: Recorded> Recorded for (A, B) {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
        self.1.write(out);
    }

    fn read(octets: &mut &[u8]) -> Option<Self> {
        Some((A::read(octets)?, B::read(octets)?))
    }
}

// What the RFCs name.
recorded_as!(Asn as u32: |asn| asn.0, |number| Some(Self(number)));
recorded_as!(ClusterId as u32: |cluster| cluster.0, |number| Some(Self(number)));
recorded_as!(BgpIdentifier as u32: |identifier| identifier.to_u32(), Self::new);
recorded_as!(Afi as u16: |afi| afi.0, |number| Some(Self(number)));
recorded_as!(Safi as u8: |safi| safi.0, |number| Some(Self(number)));
recorded_struct!(Family { afi, safi });
recorded_enum!(PeerKind { 0 => Ebgp, 1 => Ibgp });
recorded_enum!(AsWidth { 0 => Two, 1 => Four });
recorded_as!(Ipv4Addr as u32: |address| address.to_bits(), |bits| Some(Self::from_bits(bits)));
recorded_as!(Ipv6Addr as u128: |address| address.to_bits(), |bits| Some(Self::from_bits(bits)));
recorded_enum!(IpAddr { 0 => V4(address), 1 => V6(address) });
recorded_enum!(NextHop { 0 => Ipv4(address), 1 => Ipv6(address), 2 => Ipv6LinkLocal { global, link_local } });
recorded_as!(Ipv4Prefix as (Ipv4Addr, u8): |prefix| (prefix.address(), prefix.length()), |(address, length)| {
    (length <= Self::MAX_LENGTH).then(|| Self::truncating(address, length))
});
recorded_as!(Ipv6Prefix as (Ipv6Addr, u8): |prefix| (prefix.address(), prefix.length()), |(address, length)| {
    (length <= Self::MAX_LENGTH).then(|| Self::truncating(address, length))
});
recorded_enum!(Prefix { 0 => Ipv4(prefix), 1 => Ipv6(prefix) });
recorded_struct!(DecodeContext { peer, as_width, add_path, extended_next_hop, max_message_octets });

// Filters.
recorded_as!(FilterChain as Vec<Filter>: |chain| chain.filters().to_vec(), |filters| Some(Self::new(filters)));
recorded_as!(Filter as (Arc<str>, Vec<Rule>): |filter| (filter.name().into(), filter.rules().to_vec()), |(name, rules)| {
    Some(Self::new(&name, rules))
});
recorded_struct!(Rule { matches, action, edits });
recorded_enum!(Action { 0 => Accept, 1 => Reject });
recorded_struct!(RuleEdits { local_pref, metric, preference });
recorded_enum!(NewValue { 0 => Fixed(number), 1 => RestOf(number, value) });
recorded_enum!(Value { 0 => LocalPref, 1 => Metric });
recorded_as!(LengthRange as (u8, u8): |range| (range.shortest(), range.longest()), |(shortest, longest)| {
    Self::new(shortest, longest)
});
recorded_as!(ValueRange as (u32, u32): |range| (range.lowest(), range.highest()), |(lowest, highest)| {
    Self::new(lowest, highest)
});
type Conditions = ((Option<Prefix>, Option<LengthRange>), (Option<ValueRange>, Option<ValueRange>));
recorded_as!(
    Match as Conditions:
    |matches| ((matches.prefix(), matches.lengths()), (matches.local_pref(), matches.metric())),
    |((prefix, lengths), (local_pref, metric))| {
        Some(Self::new(prefix, lengths).ok()?.with_values(local_pref, metric))
    }
);

// What the Rib has to know.
recorded_as!(PeerIndex as u32: |peer| peer.to_u32(), |number| Some(Self::from_u32(number)));
recorded_struct!(RibOptions { asn, identifier, reflector, forwarding, hash_seed });
recorded_struct!(ReflectorOptions { clusters, client_to_client });
recorded_enum!(ClientToClient { 0 => Reflected, 1 => Meshed });
recorded_struct!(ForwardingOptions { multipath, normal_metric });
recorded_struct!(PeerOptions {
    name,
    kind,
    asn,
    identifier,
    address,
    own_ipv4_next_hop,
    own_ipv6_next_hop,
    shared_subnet,
    families,
    import,
    export,
    next_hop,
    reflection,
    add_path,
    as_width,
    max_message_octets,
    enhanced_refresh,
});
recorded_struct!(PeerRules { import, export, next_hop, reflection, paths_sent });
recorded_enum!(NextHopMode { 0 => Auto, 1 => OwnAddress, 2 => Keep });
recorded_enum!(PathsSent { 0 => All, 1 => Best(paths) });
recorded_enum!(Reflection { 0 => NonClient, 1 => Client(cluster) });
recorded_struct!(NetworkOptions { hold, suppress_more_specific, require_route });
recorded_enum!(Discard { 0 => Blackhole, 1 => Unreachable, 2 => Prohibit });
recorded_struct!(KernelRouteView { metric, announced });
recorded_struct!(WayChange { prefix, way });
recorded_enum!(Way { 0 => Through { cost }, 1 => Nowhere });

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_is_read_as_written<T: Recorded + std::fmt::Debug>(value: &T) {
        let mut octets = Vec::new();
        value.write(&mut octets);
        let text = format!("{value:?}");
        let mut rest = octets.as_slice();
        assert_eq!(T::read(&mut rest).map(|read| format!("{read:?}")), Some(text.clone()));
        assert!(rest.is_empty(), "{text}");
        for end in 0..octets.len() {
            assert!(T::read(&mut &octets[..end]).is_none(), "{text} without its end");
        }
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let prefix: Prefix = "10.65.0.0/16".parse().unwrap();
        let matches = Match::new(Some(prefix), LengthRange::new(26, 32)).unwrap();
        let edits = RuleEdits {
            local_pref: Some(NewValue::RestOf(1000, Value::Metric)),
            metric: Some(NewValue::Fixed(7)),
            preference: None,
        };
        let pods = Filter::new(
            "pods",
            [
                Rule {
                    matches: matches.with_values(ValueRange::new(1, 2), ValueRange::new(0, 9)),
                    action: Action::Accept,
                    edits,
                },
                Rule { matches: Match::ANY, action: Action::Reject, edits: RuleEdits::default() },
            ],
        );
        let identifier = BgpIdentifier::new(7).unwrap();
        let link_local = NextHop::Ipv6LinkLocal {
            global: "2001:db8::1".parse().unwrap(),
            link_local: "fe80::1".parse().unwrap(),
        };
        assert_is_read_as_written(&PeerOptions {
            name: Arc::from("tör1"),
            kind: PeerKind::Ibgp,
            asn: Asn(4_200_000_000),
            identifier,
            address: "2001:db8::2".parse().unwrap(),
            own_ipv4_next_hop: None,
            own_ipv6_next_hop: Some(link_local),
            shared_subnet: Some("2001:db8::/64".parse().unwrap()),
            families: vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST],
            import: FilterChain::new([pods.clone(), Filter::new("nothing", [])]),
            export: FilterChain::new([pods]),
            next_hop: NextHopMode::Keep,
            reflection: Reflection::Client(ClusterId(9)),
            add_path: vec![(Family::IPV4_UNICAST, PathsSent::Best(NonZeroU16::MIN))],
            as_width: AsWidth::Four,
            max_message_octets: 65_535,
            enhanced_refresh: true,
        });
        assert_is_read_as_written(&RibOptions {
            asn: Asn(64512),
            identifier,
            reflector: ReflectorOptions {
                clusters: vec![ClusterId(1), ClusterId(2)],
                client_to_client: ClientToClient::Meshed,
            },
            forwarding: Some(ForwardingOptions { multipath: 16, normal_metric: 1024 }),
            hash_seed: u64::MAX,
        });
        let held = NetworkOptions { hold: Some(Discard::Prohibit), ..NetworkOptions::default() };
        assert_is_read_as_written(&(prefix, held));
        let ways = [Some(Way::Through { cost: 3 }), Some(Way::Nowhere), None];
        assert_is_read_as_written(&ways.map(|way| WayChange { prefix, way }).to_vec());
    }

    #[test]
    fn what_no_value_has_is_refused() {
        assert_eq!(bool::read(&mut &[2][..]), None);
        assert_eq!(BgpIdentifier::read(&mut &[0; 4][..]), None);
        assert_eq!(Prefix::read(&mut &[0, 10, 0, 0, 0, 33][..]), None);
        assert!(ClientToClient::read(&mut &[2][..]).is_none());
        assert!(<Vec<u8>>::read(&mut &[0xff; 8][..]).is_none(), "and takes no memory for it");
    }
}

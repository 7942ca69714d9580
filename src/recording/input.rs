//! One call on the Rib, as a value.

use bgp_codec::{DecodeContext, Family, Prefix};
use bytes::Bytes;
use margay_rib::{
    KernelRouteView, NetworkOptions, PeerIndex, PeerOptions, PeerRules, ReflectorOptions, RibOptions,
    WayChange,
};
use std::sync::Arc;

use super::octets::{Recorded, recorded_enum};

/// What a Rib is told, or asked for where that changes it; but for the first and the last it is a method of
/// [`Rib`](margay_rib::Rib).
#[derive(Clone, Debug)]
pub enum RibInput {
    /// The Rib is made, by a program of this version.
    Start(Arc<str>, RibOptions),
    /// Peers are told own routes only.
    HoldBack,
    /// And now everything.
    EndHoldBack,
    /// A session is established, and this is how its UPDATEs are read.
    PeerUp(Box<PeerOptions>, DecodeContext),
    /// It is over.
    PeerDown(PeerIndex),
    /// An UPDATE, the whole message.
    Update(PeerIndex, Bytes),
    /// The peer asks to be told everything again.
    Refresh(PeerIndex, Family),
    /// The peer begins to tell everything again.
    BeginRefresh(PeerIndex, Family),
    /// And has done so.
    EndRefresh(PeerIndex, Family),
    /// A network is originated.
    Originate(Prefix, NetworkOptions),
    /// And no longer.
    StopOriginating(Prefix),
    /// What the kernel has at a prefix.
    KernelRoute(Prefix, Option<KernelRouteView>),
    /// How the kernel's routes lead further.
    Ways(Vec<WayChange>),
    /// Other rules.
    Reconfigure(ReflectorOptions, Vec<(PeerIndex, PeerRules)>),
    /// Another name for a peer.
    Rename(PeerIndex, Arc<str>),
    /// A part of the background work, of so many steps.
    Work(usize),
    /// A peer was told what comes next.
    Export(PeerIndex),
    /// The kernel thread was told the next so many changes.
    Forwarding(usize),
    /// The kernel thread was told of next hops that are lost.
    NextHopLosses,
    /// The speaker ended in order, and this was the checksum of its Rib.
    End(u64),
}

recorded_enum!(RibInput {
    0 => Start(version, options),
    1 => HoldBack,
    2 => EndHoldBack,
    3 => Rename(peer, name),
    4 => PeerUp(options, context),
    5 => PeerDown(peer),
    6 => Update(peer, message),
    7 => Refresh(peer, family),
    8 => BeginRefresh(peer, family),
    9 => EndRefresh(peer, family),
    10 => Originate(prefix, options),
    11 => StopOriginating(prefix),
    12 => KernelRoute(prefix, route),
    13 => Ways(changes),
    14 => Reconfigure(reflector, peers),
    15 => Work(steps),
    16 => Export(peer),
    17 => Forwarding(limit),
    18 => NextHopLosses,
    19 => End(checksum),
});

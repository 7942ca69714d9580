//! Options of static routes.

use margay_forwarding::{Discard, WeightedHop};
use serde::{Deserialize, Serialize};

/// A route of the configuration with next hops, or an action, of its own.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct StaticRoute {
    /// Where packets are sent.
    pub target: StaticTarget,
    /// Compared before every step of BGP; the highest wins.
    pub preference: u32,
    /// The metric in the kernel; `None` for that of ordinary routes.
    pub metric: Option<u32>,
    /// The operator's mark, which filters read.
    pub tag: Option<u32>,
    /// Whether it is advertised, installed, or both.
    pub purpose: RoutePurpose,
}

impl StaticRoute {
    /// Number of paths that the route has if all of its next hops are usable.
    pub(crate) fn paths(&self) -> u32 {
        match &self.target {
            StaticTarget::Discard(_) => 1,
            StaticTarget::Via(hops) => u32::try_from(hops.len()).unwrap_or(u32::MAX),
        }
    }
}

/// Where packets of a static route are sent.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub enum StaticTarget {
    /// They are discarded.
    Discard(Discard),
    /// To those of these next hops that are usable. The route exists while one is.
    Via(Vec<WeightedHop>),
}

/// What an own route is for.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Deserialize, Serialize)]
pub enum RoutePurpose {
    /// It is advertised to peers and installed in the kernel.
    #[default]
    Both,
    /// It is advertised only.
    Advertise,
    /// It is installed only.
    Install,
    /// It is advertised to the peers that get a default route, and not used itself.
    DefaultOriginate,
}

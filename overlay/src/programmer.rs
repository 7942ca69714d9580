//! Who puts the routes to a pool's blocks on other nodes into the kernel.

use margay_cluster::object::ClusterRoutes;

use crate::Encapsulation;

/// Who puts routes into the kernel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Programmer {
    /// The node's agent.
    Agent,
    /// The BGP daemon.
    BgpDaemon,
}

/// The settings of both programs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Programmers {
    /// `programClusterRoutes` of `FelixConfiguration`.
    pub agent: ClusterRoutes,
    /// `programClusterRoutes` of `BGPConfiguration`.
    pub bgp_daemon: ClusterRoutes,
}

impl Default for Programmers {
    /// What holds where nothing is set.
    fn default() -> Self {
        Self { agent: ClusterRoutes::EnabledIpipOnly, bgp_daemon: ClusterRoutes::EnabledNoEncapOnly }
    }
}

impl Programmers {
    /// Who programs the routes of a pool: never both. `None` when both leave it to the other.
    ///
    /// VXLAN is always the agent's. Where both settings claim the other pools, the BGP daemon has them: it knows more routes.
    #[must_use]
    pub fn of(self, encapsulation: Encapsulation) -> Option<Programmer> {
        let claims = |setting: ClusterRoutes| match setting {
            ClusterRoutes::Enabled => true,
            ClusterRoutes::Disabled => false,
            ClusterRoutes::EnabledIpipOnly => encapsulation.is_ipip(),
            ClusterRoutes::EnabledNoEncapOnly => encapsulation == Encapsulation::None,
        };
        if encapsulation.is_vxlan() {
            Some(Programmer::Agent)
        } else if claims(self.bgp_daemon) {
            Some(Programmer::BgpDaemon)
        } else {
            claims(self.agent).then_some(Programmer::Agent)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pool_has_one_programmer() {
        use ClusterRoutes::{Disabled, Enabled, EnabledIpipOnly, EnabledNoEncapOnly};
        let (agent, daemon) = (Some(Programmer::Agent), Some(Programmer::BgpDaemon));
        let cases = [
            ((EnabledIpipOnly, EnabledNoEncapOnly), [agent, agent, daemon]),
            ((Disabled, Enabled), [agent, daemon, daemon]),
            ((Enabled, Disabled), [agent, agent, agent]),
            ((Enabled, Enabled), [agent, daemon, daemon]),
            ((Disabled, Disabled), [agent, None, None]),
            ((EnabledNoEncapOnly, EnabledIpipOnly), [agent, daemon, agent]),
        ];
        let pools = [Encapsulation::VxlanCrossSubnet, Encapsulation::Ipip, Encapsulation::None];
        for ((agent, bgp_daemon), expected) in cases {
            let programmers = Programmers { agent, bgp_daemon };
            assert_eq!(pools.map(|pool| programmers.of(pool)), expected, "{programmers:?}");
        }
    }
}

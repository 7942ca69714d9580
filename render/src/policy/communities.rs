//! Communities that are added to routes on their way out.

use std::collections::BTreeSet;

use ipnet::IpNet;
use margay_cluster::object::PrefixCommunity;
use margay_cluster::value::Community;

use crate::context::Context;
use crate::{Family, Problem};

/// Communities for the routes inside a network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CommunityAddition {
    /// The network.
    pub network: IpNet,
    /// The communities.
    pub communities: BTreeSet<Community>,
}

pub(crate) fn plan_communities(
    context: &Context<'_>,
    family: Family,
    problems: &mut Vec<Problem>,
) -> Vec<CommunityAddition> {
    let (advertisements, spec) = context.settings.prefix_advertisements();
    let named = spec.map_or(&[][..], |spec| &spec.communities);
    let of_family =
        advertisements.iter().filter(|advertisement| Family::of_network(advertisement.cidr.0) == family);
    let mut additions = Vec::new();
    for advertisement in of_family {
        let mut communities = BTreeSet::new();
        for community in &advertisement.communities {
            match community {
                PrefixCommunity::Value(community) => drop(communities.insert(*community)),
                PrefixCommunity::Named(name) => {
                    match named.iter().find(|known| known.name.as_str() == name) {
                        Some(known) => drop(communities.insert(known.value)),
                        None => {
                            let what = format!("the community {name:?} is not defined: it is not added");
                            problems.push(Problem::new("BGPConfiguration", "default", what));
                        }
                    }
                }
            }
        }
        additions.push(CommunityAddition { network: advertisement.cidr.0, communities });
    }
    additions
}

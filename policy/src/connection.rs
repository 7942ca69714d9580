//! The verdict on a connection between two parties: that of the sender's endpoint and that of the receiver's.

use std::net::IpAddr;

use crate::evaluator::{Outcome, Stage, Verdict};
use crate::packet::{Direction, Packet};
use crate::wanted::{ObjectId, Wanted};

/// One end of a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Party {
    /// The endpoint; `None` for an address outside, which nothing here is enforced for.
    pub endpoint: Option<ObjectId>,
    /// The address.
    pub address: IpAddr,
}

/// What an endpoint's policy makes of the first packet of a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Judgement {
    /// The endpoint.
    pub endpoint: ObjectId,
    /// The direction, seen from the endpoint.
    pub direction: Direction,
    /// The verdict.
    pub verdict: Verdict,
}

impl Wanted {
    /// The judgements on the first packet of a connection, up to the first that denies it.
    ///
    /// Policies of host endpoints on the way between two workloads are not asked.
    #[must_use]
    pub fn judge_connection(&self, from: &Party, to: &Party, packet: &Packet) -> Vec<Judgement> {
        let mut judgements = Vec::new();
        for (party, direction) in [(from, Direction::Egress), (to, Direction::Ingress)] {
            let Some(endpoint) = &party.endpoint else { continue };
            let Some(verdict) = self.verdict(endpoint, Stage::Normal, direction, packet) else { continue };
            let is_denied = verdict.outcome == Outcome::Deny;
            judgements.push(Judgement { endpoint: ObjectId::clone(endpoint), direction, verdict });
            if is_denied {
                break;
            }
        }
        judgements
    }
}

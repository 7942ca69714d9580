//! Network policy: what applies to which endpoint of a node, and the verdict on a packet.
//!
//! [`Calculation`] follows the objects of the datastore and keeps, for one node, what has to be enforced: [`Wanted`].
//! It costs what a change concerns, whatever the size of the cluster. [`Wanted::verdict`] is the meaning of it all: the
//! verdict on a packet, with each tier, policy and rule that led to it. [`Program`] is the same as rules of nftables, as
//! values, and [`Programmer`] keeps one up to date by what changes.

mod calculation;
mod connection;
mod cover;
mod evaluator;
mod http;
mod lint;
mod packet;
mod program;
mod rule;
mod set;
mod wanted;

pub use self::calculation::{Calculation, Changes, SetChange};
pub use self::connection::{Judgement, Party};
pub use self::cover::NetworkCover;
pub use self::evaluator::{Outcome, Stage, Step, Verdict};
pub use self::http::{Request, normalize};
pub use self::lint::{Warning, warnings};
pub use self::packet::{Direction, End, Packet, Transport};
pub use self::program::{
    Chain, DispatchMap, Marks, Match, NamedSetChange, Ports, Program, ProgramChanges, ProgramRule,
    ProgramSet, Programmer, SetElements, Statement,
};
pub use self::rule::{ActiveRule, EndMatch, PortMatch};
pub use self::set::{Member, PortMember, SelectorText, Set, SetKey};
pub use self::wanted::{Endpoint, ObjectId, RuleLists, TierPolicies, Wanted};

//! `confederation`: several member systems that others see as one (RFC 5065).

use bgp_codec::Asn;

use crate::asn;
use crate::report::Report;
use crate::section::Value;

/// The confederation of this speaker, whose own AS number is that of a member.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Confederation {
    /// The number as which other autonomous systems see all members.
    pub identifier: Asn,
    /// The numbers of the members, possibly with our own among them.
    pub members: Vec<Asn>,
}

impl Confederation {
    /// Reads the table. `own` is the number of this speaker's member system, if it is known.
    pub(crate) fn read(value: Value<'_>, own: Option<Asn>, report: &mut Report<'_>) -> Option<Self> {
        let mut section = value.table("confederation", report)?;
        let given = section.require("identifier", report);
        let identifier = given.and_then(|value| asn::read(value, report));
        let members = section.require("members", report).map(|value| read_members(value, report));
        section.finish(report);
        let (given, identifier, members) = (given?, identifier?, members?);
        if own == Some(identifier) || members.contains(&identifier) {
            given.reject(
                report,
                format_args!(
                    "{identifier} is the number of a member: the confederation needs one of its own"
                ),
            );
            return None;
        }
        Some(Self { identifier, members })
    }
}

fn read_members(value: Value<'_>, report: &mut Report<'_>) -> Vec<Asn> {
    let mut members = Vec::new();
    for item in value.list("[64601, 64602]", report).into_iter().flatten() {
        match asn::read(item, report) {
            Some(member) if members.contains(&member) => {
                item.reject(report, format_args!("{member} is in the list twice"));
            }
            Some(member) => members.push(member),
            None => {}
        }
    }
    members
}

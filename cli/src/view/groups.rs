//! `margay show groups`.

use margay_control::ExportGroups;

use crate::table::{Align, Table};

/// Export groups, one a line.
pub(crate) fn groups(groups: &ExportGroups) -> String {
    if groups.groups.is_empty() {
        return "no session is established\n".to_owned();
    }
    let mut table = Table::new([
        ("FAMILY", Align::Left),
        ("GROUP", Align::Right),
        ("PEERS", Align::Right),
        ("WITHHELD", Align::Right),
        ("MEMBERS", Align::Left),
    ]);
    for group in &groups.groups {
        table.row([
            group.family.clone(),
            group.group.to_string(),
            group.members.len().to_string(),
            group.too_long.to_string(),
            members(&group.members),
        ]);
    }
    table.to_string()
}

/// The first names, and the number of the others.
fn members(names: &[String]) -> String {
    let (first, others) = names.split_at(names.len().min(NAMED));
    let first = first.join(" ");
    if others.is_empty() { first } else { format!("{first} and {} more", others.len()) }
}

/// Members that are named: a reflector has thousands.
const NAMED: usize = 8;

#[cfg(test)]
mod tests {
    use margay_control::ExportGroup;

    use super::*;

    #[test]
    fn names_some_members_and_counts_the_others() {
        let group = ExportGroup {
            family: "ipv4-unicast".to_owned(),
            group: 3,
            members: (1..=10).map(|number| format!("n{number}")).collect(),
            too_long: 0,
        };
        assert_eq!(
            groups(&ExportGroups { groups: vec![group] }),
            "FAMILY        GROUP  PEERS  WITHHELD  MEMBERS\n\
             ipv4-unicast      3     10         0  n1 n2 n3 n4 n5 n6 n7 n8 and 2 more\n"
        );
        assert_eq!(groups(&ExportGroups::default()), "no session is established\n");
    }
}

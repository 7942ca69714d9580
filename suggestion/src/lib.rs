//! Suggestions for misspelt names in configuration files and cluster objects.

/// The end of an error message about the unknown name `name`: the most similar of the `existing` names, or a list of all
/// of them if there are only a few.
#[must_use]
pub fn did_you_mean<'e>(name: &str, existing: impl IntoIterator<Item = &'e str>) -> String {
    let existing: Vec<&str> = existing.into_iter().collect();
    match most_similar(name, existing.iter().copied()) {
        Some(candidate) => format!(": did you mean {candidate:?}?"),
        None if existing.is_empty() || existing.len() > LISTED => String::new(),
        None => format!(": there is {}", existing.join(", ")),
    }
}

/// The name that differs in case only, or else the one with the fewest wrong letters; `None` if each has too many.
#[must_use]
pub fn most_similar<'e>(name: &str, existing: impl IntoIterator<Item = &'e str>) -> Option<&'e str> {
    // A quarter of the letters may be wrong: with a third, cluster_id would be taken for router_id.
    let tolerance = (name.chars().count() / 4).max(1);
    let distance = |candidate: &str| {
        if candidate.eq_ignore_ascii_case(name) { 0 } else { strsim::osa_distance(name, candidate) }
    };
    let distances = existing.into_iter().map(|candidate| (distance(candidate), candidate));
    let nearest = distances.min_by_key(|&(distance, _)| distance);
    nearest.filter(|&(distance, _)| distance <= tolerance).map(|(_, candidate)| candidate)
}

/// A longer list of names would hide the rest of the message.
const LISTED: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_table() {
        let keys = ["hold_time", "port", "passive", "peerIP"];
        let rows = [
            ("hold_tiem", ": did you mean \"hold_time\"?"),
            ("holdtime", ": did you mean \"hold_time\"?"),
            ("prot", ": did you mean \"port\"?"),
            ("peerip", ": did you mean \"peerIP\"?"),
            ("PASSIVE", ": did you mean \"passive\"?"),
            ("local_asn", ": there is hold_time, port, passive, peerIP"),
            ("", ": there is hold_time, port, passive, peerIP"),
        ];
        for (name, expected) in rows {
            assert_eq!(did_you_mean(name, keys), expected, "{name}");
        }
    }

    #[test]
    fn long_lists_are_left_out() {
        assert_eq!(did_you_mean("x", []), "");
        assert_eq!(did_you_mean("xyz", ["aaaaa"; LISTED + 1]), "");
        assert_ne!(did_you_mean("xyz", ["aaaaa"; LISTED]), "");
    }
}

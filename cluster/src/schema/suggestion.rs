//! What may have been meant by a name that does not exist.

/// The end of a message about the unknown name `name`: the nearest of the `existing` ones, or all of them if there are
/// only a few.
#[must_use]
pub fn did_you_mean<'e>(name: &str, existing: impl IntoIterator<Item = &'e str>) -> String {
    const FEW: usize = 12;
    let existing: Vec<&str> = existing.into_iter().collect();
    if let Some(other_case) = existing.iter().find(|candidate| candidate.eq_ignore_ascii_case(name)) {
        return format!("; write {other_case}");
    }
    let tolerance = (name.chars().count() / 4).max(1);
    let nearest = existing
        .iter()
        .map(|&candidate| (strsim::osa_distance(name, candidate), candidate))
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, _)| distance <= tolerance);
    match nearest {
        Some((_, candidate)) => format!("; did you mean {candidate}?"),
        None if existing.is_empty() || existing.len() > FEW => String::new(),
        None => format!("; known are {}", existing.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_table() {
        let keys = ["peerIP", "asNumber", "node"];
        let rows = [
            ("peerip", "; write peerIP"),
            ("asNumbr", "; did you mean asNumber?"),
            ("password", "; known are peerIP, asNumber, node"),
        ];
        for (name, expected) in rows {
            assert_eq!(did_you_mean(name, keys), expected, "{name}");
        }
        assert_eq!(did_you_mean("x", []), "");
        assert_eq!(did_you_mean("xyz", ["aaaaa"; 20]), "");
    }
}

//! What the operator may have meant by a name that does not exist.

/// The end of a message about the unknown name `name`: the nearest of the `existing` ones, or else all of them.
pub(crate) fn did_you_mean<'e>(name: &str, existing: impl IntoIterator<Item = &'e str>) -> String {
    let existing: Vec<&str> = existing.into_iter().collect();
    // A quarter of the letters may be wrong: with a third, cluster_id would be taken for router_id.
    let tolerance = (name.chars().count() / 4).max(1);
    let nearest = existing
        .iter()
        .map(|&candidate| (strsim::osa_distance(name, candidate), candidate))
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, _)| distance <= tolerance);
    match nearest {
        Some((_, candidate)) => format!(": did you mean {candidate:?}?"),
        None if existing.is_empty() => String::new(),
        None => format!(": there is {}", existing.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_table() {
        let keys = ["hold_time", "port", "passive"];
        let rows = [
            ("hold_tiem", ": did you mean \"hold_time\"?"),
            ("holdtime", ": did you mean \"hold_time\"?"),
            ("prot", ": did you mean \"port\"?"),
            ("local_asn", ": there is hold_time, port, passive"),
            ("", ": there is hold_time, port, passive"),
        ];
        for (name, expected) in rows {
            assert_eq!(did_you_mean(name, keys), expected, "{name}");
        }
        assert_eq!(did_you_mean("x", []), "");
    }
}

//! Names of peers, groups and filters.

/// Checks that a name can be typed in a shell and shown in a table without quoting.
///
/// # Errors
///
/// Returns what would be right.
pub(crate) fn check(name: &str) -> Result<&str, String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    if !name.is_empty() && name.chars().all(is_allowed) {
        Ok(name)
    } else {
        Err(format!("{name:?} cannot be a name: write letters, digits and . _ : - only"))
    }
}

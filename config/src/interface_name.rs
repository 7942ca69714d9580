//! Names of network interfaces as text.

/// The name of an interface.
///
/// # Errors
///
/// It is not a name that Linux takes.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    let is_refused = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | ':');
    if text.is_empty()
        || text.len() > MAX_OCTETS
        || text.chars().any(is_refused)
        || matches!(text, "." | "..")
    {
        return Err(format!(
            "{text:?} is not an interface name: write 1 to {MAX_OCTETS} characters without spaces, '/' and ':'"
        ));
    }
    Ok(text.to_owned())
}

/// One octet less than `IFNAMSIZ`.
const MAX_OCTETS: usize = 15;

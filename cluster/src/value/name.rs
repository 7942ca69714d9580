//! Names as DNS has them (RFC 1123), which Kubernetes and Calico use for objects.

use crate::schema::text;

text! {
    /// The name of an object: a DNS subdomain of at most 253 characters.
    pub struct Name,
    "a name: lower case letters, digits, '-' and '.', beginning and ending with a letter or digit, at most 253 characters",
    is_dns_subdomain
}

impl Name {
    /// The longest name, in characters.
    pub const MAX_LENGTH: usize = 253;
}

/// Whether this is a DNS label: at most 63 of `a-z`, `0-9` and `-`, with a letter or digit at both ends.
#[must_use]
pub fn is_dns_label(text: &str) -> bool {
    text.len() <= 63 && is_label_of_any_length(text)
}

/// Whether this is a DNS subdomain: labels with dots between them, at most 253 characters. The length of a label is not
/// limited, as Kubernetes does not limit it either.
#[must_use]
pub fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= Name::MAX_LENGTH && text.split('.').all(is_label_of_any_length)
}

pub(crate) fn is_label_of_any_length(text: &str) -> bool {
    let is_inner = |octet: u8| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'-');
    !text.is_empty() && text.bytes().all(is_inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_table() {
        let good = ["a", "0", "a-b", "a.b", "node-1.example.org", "kns.default", &"x".repeat(253)];
        let bad = ["", "-a", "a-", "a..b", ".a", "a.", "A", "a_b", "a/b", "ä", &"x".repeat(254)];
        assert!(good.iter().all(|name| is_dns_subdomain(name)));
        assert!(!bad.iter().any(|name| is_dns_subdomain(name)));
        assert!(is_dns_label(&"x".repeat(63)) && !is_dns_label(&"x".repeat(64)) && !is_dns_label("a.b"));
    }
}

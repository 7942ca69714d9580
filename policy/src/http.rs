//! HTTP requests, and the rules that match them by method and path.

use margay_cluster::object::{HttpMatch, HttpPath};

/// A request as it came: the method, and the target with everything that stands behind the path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// The method; case matters (RFC 9110 §9.1).
    pub method: String,
    /// The target in origin form (RFC 9112 §3.2.1).
    pub target: String,
}

impl Request {
    /// Whether the request has one of the methods and one of the paths.
    ///
    /// A target that cannot be normalised matches no rule that names paths.
    #[must_use]
    pub fn matches(&self, rule: &HttpMatch) -> bool {
        let method = |wanted: &String| wanted == "*" || *wanted == self.method;
        let is_method = rule.methods.is_empty() || rule.methods.iter().any(method);
        is_method && (rule.paths.is_empty() || self.matches_path(&rule.paths))
    }

    fn matches_path(&self, paths: &[HttpPath]) -> bool {
        let Some(path) = normalize(&self.target) else { return false };
        paths.iter().any(|wanted| match (&wanted.exact, &wanted.prefix) {
            (Some(exact), _) => normalize(exact).is_some_and(|exact| exact == path),
            (None, Some(prefix)) => normalize(prefix).is_some_and(|prefix| has_prefix(&path, &prefix)),
            (None, None) => false,
        })
    }
}

/// The path of a target as a server may understand it, so that no spelling of a path escapes the rules about it.
///
/// Query and fragment are cut off, escapes are decoded once, backslashes count as slashes, parameters behind `;` are
/// cut off each segment, empty segments and `.` are left out, and `..` takes the segment before it away. `None` for a
/// target that is not in origin form, that holds NUL, or in which an escaped dot, slash, backslash, percent sign or
/// NUL is left after decoding once: what a server makes of it cannot be known.
#[must_use]
pub fn normalize(target: &str) -> Option<String> {
    let path = target.split(['?', '#']).next().filter(|path| path.starts_with('/'))?;
    let decoded = decode_escapes(path.as_bytes())?;
    let decoded = String::from_utf8(decoded).ok()?.replace('\\', "/");
    if decoded.contains('\0') || has_ambiguous_escape(&decoded) {
        return None;
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in decoded.split('/') {
        match segment.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    Some(format!("/{}", segments.join("/")))
}

/// Decodes each `%xy` once; `None` where two hexadecimal digits do not follow.
fn decode_escapes(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            decoded.push(*first);
            continue;
        }
        let [high, low, after @ ..] = after else { return None };
        let digit = |octet: u8| char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        decoded.push(digit(*high)? << 4 | digit(*low)?);
        rest = after;
    }
    Some(decoded)
}

/// Whether another round of decoding would change what the path means.
fn has_ambiguous_escape(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    ["%2e", "%2f", "%5c", "%25", "%00"].iter().any(|escape| lower.contains(escape))
}

/// Whether a path is `prefix` or lies below it: `/public` is the prefix of `/public/a` and not of `/publication`.
fn has_prefix(path: &str, prefix: &str) -> bool {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_end_at_a_segment() {
        let rows = [
            ("/a", "/a", true),
            ("/a", "/a/b", true),
            ("/a/", "/a", true),
            ("/", "/a", true),
            ("/a", "/ab", false),
            ("/a", "/b/../a", true),
            ("/a", "/a/../b", false),
            ("/a", "/a/%2e%2e/b", false),
            ("/a", "/a/%252e%252e/b", false),
            ("/a", "a", false),
        ];
        for (prefix, target, matches) in rows {
            let path = HttpPath { exact: None, prefix: Some(prefix.to_owned()) };
            let rule = HttpMatch { methods: Vec::new(), paths: vec![path] };
            let request = Request { method: "GET".to_owned(), target: target.to_owned() };
            assert_eq!(request.matches(&rule), matches, "{prefix} {target}");
        }
    }
}

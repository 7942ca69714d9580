//! Names with `*` and `?` in them.

use std::fmt;

/// A pattern of names: `*` stands for any characters, `?` for one, everything else for itself.
#[derive(Clone, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Glob(Box<str>);

impl Glob {
    /// The pattern with this text; every text is one.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Whether the whole name is what the pattern says.
    pub fn matches(&self, name: &str) -> bool {
        matches(self.0.as_bytes(), name.as_bytes())
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Goes back to the last `*` only, so that the time is bounded by the product of both lengths.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut in_name) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                last_star = Some((at, in_name));
                at += 1;
            }
            Some(&octet) if octet == b'?' || octet == name[in_name] => {
                at += 1;
                in_name += 1;
            }
            _ => {
                let Some((star, taken)) = last_star else { return false };
                last_star = Some((star, taken + 1));
                (at, in_name) = (star + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|&octet| octet == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_table() {
        let rows = [
            ("cali*", "cali12", true),
            ("cali*", "cali", true),
            ("cali*", "acali", false),
            ("*.cali", "bpfin.cali", true),
            ("*.cali", "bpfin.cali0", false),
            ("bpf*.cali", "bpf.cali.cali", true),
            ("*", "", true),
            ("", "", true),
            ("", "eth0", false),
            ("eth?", "eth0", true),
            ("eth?", "eth10", false),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXbXb", false),
        ];
        for (pattern, name, expected) in rows {
            assert_eq!(Glob::new(pattern).matches(name), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = "*a".repeat(40) + "b";
        assert!(!Glob::new(&pattern).matches(&"a".repeat(4000)));
    }
}

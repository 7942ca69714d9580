//! Configuration without secrets.

/// The text with the values of keys removed that may hold secrets. Keys that name files stay: the secret is in the file.
///
/// The daemon's configuration has such keys only for files. This is for the day on which an operator writes a password where the
/// name of a file belongs.
pub(super) fn without_secrets(text: &str) -> String {
    text.split_inclusive('\n').map(without_secret).collect()
}

fn without_secret(line: &str) -> String {
    let Some(start) = SECRETS.iter().filter_map(|word| find_ignoring_case(line, word)).min() else {
        return line.to_owned();
    };
    let Some(equals) = line[start..].find(['=', ':']).map(|at| at + start) else { return line.to_owned() };
    let (key, value) = line.split_at(equals + 1);
    let value = value.trim();
    let names_a_file = key[..equals].trim_end().ends_with("_file") && looks_like_a_path(value);
    if names_a_file || value.is_empty() {
        return line.to_owned();
    }
    let end = if line.ends_with('\n') { "\n" } else { "" };
    format!("{key} \"<removed>\"{end}")
}

/// Whether a value is the name of a file alone, without something else on the same line.
fn looks_like_a_path(value: &str) -> bool {
    let value = value.split('#').next().unwrap_or_default().trim().trim_end_matches(',');
    let quoted = value.strip_prefix(['"', '\'']).and_then(|value| value.strip_suffix(['"', '\'']));
    quoted.is_some_and(|path| path.starts_with('/') && !path.contains(['"', '\'']))
}

fn find_ignoring_case(line: &str, word: &str) -> Option<usize> {
    let line = line.as_bytes();
    (0..line.len()).find(|&at| {
        line.get(at..at + word.len()).is_some_and(|octets| octets.eq_ignore_ascii_case(word.as_bytes()))
            && (line[at].is_ascii())
    })
}

/// Parts of keys whose values may be secrets.
const SECRETS: [&str; 5] = ["password", "passwd", "secret", "token", "community_string"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_removed_and_names_of_files_stay() {
        for (line, expected) in [
            ("password_file = \"/etc/margay/tor1\"\n", "password_file = \"/etc/margay/tor1\"\n"),
            (
                "http_token_file = \"/etc/margay/token\" # asked of all\n",
                "http_token_file = \"/etc/margay/token\" # asked of all\n",
            ),
            ("password_file = \"hunter2\"\n", "password_file = \"<removed>\"\n"),
            ("password = 'hunter2'\n", "password = \"<removed>\"\n"),
            ("bfd = { Password_File = \"/a\", key = \"x\" }\n", "bfd = { Password_File = \"<removed>\"\n"),
            ("  secret: hunter2", "  secret: \"<removed>\""),
            ("# the password is in the safe\n", "# the password is in the safe\n"),
            ("address = \"10.0.0.1\"\n", "address = \"10.0.0.1\"\n"),
            (
                "description = \"tör\"\npassword = \"ü\"\n",
                "description = \"tör\"\npassword = \"<removed>\"\n",
            ),
        ] {
            assert_eq!(without_secrets(line), expected);
        }
    }
}

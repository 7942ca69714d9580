//! `control.http`: read-only access over TCP.

use std::net::SocketAddr;
use std::path::PathBuf;

use bgp_codec::Prefix;

use crate::report::Report;
use crate::section::{Section, Value};
use crate::{address, path, prefix};

/// Read-only access over TCP: for metrics, and for programs that cannot open the control socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Http {
    /// The address and port to listen on.
    pub listen: SocketAddr,
    /// Prefixes of the addresses that are served; the loopback addresses by default. Others are refused.
    pub allow: Vec<Prefix>,
    /// File whose first line is the token that requests must carry; `None` if they need none.
    pub token_file: Option<PathBuf>,
}

impl Http {
    /// Reads `http` and the keys that go with it; `None` if nothing is to be served over TCP.
    pub(crate) fn read(section: &mut Section<'_>, report: &mut Report<'_>) -> Option<Self> {
        let listen = section.get("http");
        let allow = section.get("http_allow");
        let token_file = section.get("http_token_file");
        let Some(listen) = listen else {
            for value in allow.into_iter().chain(token_file) {
                value.reject(report, format_args!("has no effect without http = {EXAMPLE:?}"));
            }
            return None;
        };
        let listen = listen.parsed(EXAMPLE, report, |text| address::parse_listen(text, USUAL_PORT));
        let allow = allow.map(|value| read_allow(value, report));
        let token_file = token_file.and_then(|value| read_token_file(value, report));
        Some(Self { listen: listen?, allow: allow.unwrap_or_else(loopback), token_file })
    }
}

fn read_allow(value: Value<'_>, report: &mut Report<'_>) -> Vec<Prefix> {
    let items = value.list("[\"10.0.0.0/8\"]", report).into_iter().flatten();
    items.filter_map(|item| item.parsed("10.0.0.0/8", report, prefix::parse)).collect()
}

/// The path of a token file, whose content is checked where files are.
fn read_token_file(value: Value<'_>, report: &mut Report<'_>) -> Option<PathBuf> {
    let path = value.parsed("/etc/margay/http.token", report, path::parse_absolute)?;
    let content = report.check_file(&path);
    let usable = content.map(|content| content.and_then(|content| token_line(&content).map(drop)));
    if let Some(Err(error)) = usable {
        value.reject(report, format_args!("{} cannot be used: {error}", path.display()));
    }
    Some(path)
}

/// The token in the content of a file: its first line, without white space around it.
///
/// # Errors
///
/// It cannot be sent in a header, or is so short that it can be guessed; the text says what would be right.
pub fn token_line(content: &[u8]) -> Result<&[u8], String> {
    let line = content.split(|&octet| octet == b'\n').next().unwrap_or_default().trim_ascii();
    if line.is_empty() {
        return Err("its first line is empty: put the token there".to_owned());
    }
    if !line.iter().all(u8::is_ascii_graphic) {
        return Err(
            "its first line has characters that a token cannot have: use letters and digits".to_owned()
        );
    }
    if line.len() < SHORTEST_TOKEN {
        return Err(format!(
            "its first line has {} characters: a token has at least {SHORTEST_TOKEN}",
            line.len()
        ));
    }
    Ok(line)
}

/// The loopback addresses of both families.
fn loopback() -> Vec<Prefix> {
    ["127.0.0.0/8", "::1/128"].iter().filter_map(|text| prefix::parse(text).ok()).collect()
}

const EXAMPLE: &str = "127.0.0.1:9179";

const USUAL_PORT: u16 = 9179;

/// 64 random bits in hexadecimal digits.
const SHORTEST_TOKEN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_first_lines_of_at_least_16_printable_characters() {
        let rows: [(&str, Result<&str, &str>); 7] = [
            ("0123456789abcdef", Ok("0123456789abcdef")),
            ("  0123456789abcdef\r\nsecond\n", Ok("0123456789abcdef")),
            ("", Err("empty")),
            ("\n0123456789abcdef", Err("empty")),
            ("0123456789abcde\n", Err("has 15 characters")),
            ("0123456789 abcdef", Err("cannot have")),
            ("0123456789ü0123456789", Err("cannot have")),
        ];
        for (content, expected) in rows {
            match (token_line(content.as_bytes()), expected) {
                (Ok(line), Ok(expected)) => assert_eq!(line, expected.as_bytes(), "{content:?}"),
                (Err(error), Err(expected)) => assert!(error.contains(expected), "{content:?}: {error}"),
                (line, _) => panic!("{content:?}: {line:?}"),
            }
        }
    }

    #[test]
    fn without_a_list_the_loopback_addresses_are_served() {
        assert_eq!(loopback().len(), 2);
    }
}

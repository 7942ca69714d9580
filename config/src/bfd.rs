//! `bfd`: how the path to a peer is monitored (RFC 5880).

use std::path::PathBuf;
use std::time::Duration;

use margay_bfd::{AuthenticationKind, Intervals, Key};

use crate::password::password_line;
use crate::report::Report;
use crate::section::{Section, Value};
use crate::{duration, path};

/// How the path to a peer is monitored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bfd {
    /// The intervals; 300 ms both ways and three packets by default.
    pub intervals: Intervals,
    /// Whether the peer may be several hops away (RFC 5883); `None` leaves it to the kind of session: an external peer with a
    /// `multihop` of 1 shares a link, others may be anywhere.
    pub multihop: Option<bool>,
    /// How packets are authenticated; `None` for not at all.
    pub authentication: Option<BfdAuthentication>,
}

/// How packets of a BFD session are authenticated (RFC 5880 §6.7).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BfdAuthentication {
    /// The kind, the same on both systems; `meticulous-keyed-sha1` by default.
    pub kind: AuthenticationKind,
    /// The number of the key, the same on both systems; 1 by default.
    pub key_id: u8,
    /// The file that holds the secret. The daemon reads it.
    pub password_file: PathBuf,
}

impl BfdAuthentication {
    /// The key from the content of the file: its first line.
    ///
    /// # Errors
    ///
    /// The line is empty, or longer than this kind of authentication takes; the text says what would be right.
    pub fn key(&self, content: &[u8]) -> Result<Key, String> {
        let secret = password_line(content)?;
        let most = self.kind.max_secret_octets();
        Key::new(self.kind, self.key_id, secret).map_err(|_| {
            let octets = secret.len();
            format!("its first line has {octets} octets: {} takes {most} at most", name(self.kind))
        })
    }
}

impl Default for Bfd {
    fn default() -> Self {
        Self { intervals: Intervals::DEFAULT, multihop: None, authentication: None }
    }
}

/// Reads `true`, `false` or a table. Within, `None` is `false`.
pub(crate) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<Option<Bfd>> {
    if !value.is_table() {
        return value.boolean(report).map(|is_on| is_on.then(Bfd::default));
    }
    let mut section = value.table("bfd", report)?;
    let default = Intervals::DEFAULT;
    let mut interval = |key| {
        section.get(key).map_or(Some(None), |value| value.parsed("50ms", report, parse_interval).map(Some))
    };
    let (transmit, receive) = (interval("transmit"), interval("receive"));
    let multiplier =
        section.get("multiplier").map_or(Some(None), |value| value.integer(1..=u8::MAX, report).map(Some));
    let multihop = section.get("multihop").and_then(|value| value.boolean(report));
    let authentication = read_authentication(&mut section, report);
    section.finish(report);
    let (transmit, receive) = (transmit?, receive?);
    let intervals = Intervals::new(
        transmit.unwrap_or_else(|| default.transmit()),
        receive.unwrap_or_else(|| default.receive()),
        multiplier?.unwrap_or_else(|| default.multiplier()),
    );
    match intervals {
        Ok(intervals) => Some(Some(Bfd { intervals, multihop, authentication })),
        Err(error) => {
            value.reject(report, error);
            None
        }
    }
}

fn read_authentication(section: &mut Section<'_>, report: &mut Report<'_>) -> Option<BfdAuthentication> {
    let file = section.get("password_file");
    let kind = section.get("authentication");
    let key_id = section.get("key_id");
    let Some(file) = file else {
        for value in [kind, key_id].into_iter().flatten() {
            value.reject(report, "there is no secret: give a password_file as well");
        }
        return None;
    };
    let kind = match kind {
        None => Some(AuthenticationKind::MeticulousKeyedSha1),
        Some(kind) => kind.parsed("meticulous-keyed-sha1", report, parse_kind),
    };
    let key_id = key_id.map_or(Some(1), |value| value.integer(0..=u8::MAX, report));
    let password_file = file.parsed("/etc/margay/bfd.key", report, path::parse_absolute);
    let authentication = BfdAuthentication { kind: kind?, key_id: key_id?, password_file: password_file? };
    let content = report.check_file(&authentication.password_file);
    let usable = content.map(|content| content.and_then(|content| authentication.key(&content).map(drop)));
    if let Some(Err(error)) = usable {
        file.reject(
            report,
            format_args!("{} cannot be used: {error}", authentication.password_file.display()),
        );
    }
    Some(authentication)
}

fn parse_interval(text: &str) -> Result<Duration, String> {
    let interval = duration::parse(text)?;
    if (SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&interval) {
        return Ok(interval);
    }
    Err(format!("{text} is out of range: write \"1ms\" to \"1h\""))
}

fn parse_kind(text: &str) -> Result<AuthenticationKind, String> {
    KINDS.into_iter().find(|(_, name)| *name == text).map(|(kind, _)| kind).ok_or_else(|| {
        let names: Vec<String> = KINDS.iter().map(|(_, name)| format!("{name:?}")).collect();
        format!("{text:?} is not a kind of authentication: write one of {}", names.join(", "))
    })
}

fn name(kind: AuthenticationKind) -> &'static str {
    KINDS.iter().find(|(named, _)| *named == kind).map_or("", |(_, name)| name)
}

const KINDS: [(AuthenticationKind, &str); 5] = [
    (AuthenticationKind::SimplePassword, "simple"),
    (AuthenticationKind::KeyedMd5, "keyed-md5"),
    (AuthenticationKind::MeticulousKeyedMd5, "meticulous-keyed-md5"),
    (AuthenticationKind::KeyedSha1, "keyed-sha1"),
    (AuthenticationKind::MeticulousKeyedSha1, "meticulous-keyed-sha1"),
];

const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

const LONGEST_INTERVAL: Duration = Duration::from_hours(1);

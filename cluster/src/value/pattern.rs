//! Texts in small languages of their own: regular expressions, lists of keys and values, keys of WireGuard.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::schema::text;

text! {
    /// A regular expression.
    pub struct Pattern,
    "a regular expression",
    |text| regex_lite::Regex::new(text).is_ok()
}

impl Pattern {
    /// Whether the expression matches some part of a text.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        regex_lite::Regex::new(self).is_ok_and(|expression| expression.is_match(text))
    }
}

text! {
    /// Keys and values as `key=value,key=value`.
    pub struct KeyValueList,
    "a list such as key=value,key=value",
    |text| text.trim().is_empty() || text.split(',').all(is_key_value)
}

/// Whether an item of a list is empty or has a key of word characters before its `=`.
fn is_key_value(item: &str) -> bool {
    let is_key = |key: &str| {
        let key = key.trim_start();
        !key.is_empty() && key.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_')
    };
    item.is_empty() || item.split_once('=').is_some_and(|(key, _)| is_key(key))
}

text! {
    /// A public key of WireGuard: 32 octets in base64.
    pub struct WireguardKey,
    "a key of WireGuard: 32 octets in base64",
    |text| STANDARD.decode(text).is_ok_and(|octets| octets.len() == 32)
}

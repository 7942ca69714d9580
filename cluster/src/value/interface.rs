//! Names of network interfaces, and what matches them.

use crate::schema::text;

text! {
    /// The name of an interface of Linux.
    pub struct InterfaceName,
    "the name of an interface: 1 to 15 letters, digits, '_', '.' and '-'",
    |text| is_made_of(text, b"_.-")
}

text! {
    /// The name of an interface, or `*` for all of them.
    pub struct InterfaceMatch,
    "the name of an interface, 1 to 15 letters, digits, '_', '.' and '-', or * for all",
    |text| text == "*" || is_made_of(text, b"_.-")
}

text! {
    /// A pattern for names of interfaces, in which `*` stands for any text.
    pub struct InterfaceGlob,
    "a pattern for names of interfaces: 1 to 15 letters, digits, '_', '.', '-' and '*'",
    |text| is_made_of(text, b"_.*-")
}

text! {
    /// A pattern as iptables has it, in which a `+` at the end stands for any text.
    pub struct InterfaceFilter,
    "a filter for interfaces: 1 to 15 letters, digits, ':', '.', '_', '+' and '-'",
    |text| is_made_of(text, b":._+-")
}

fn is_made_of(text: &str, others: &[u8]) -> bool {
    let is_good = |octet: u8| octet.is_ascii_alphanumeric() || others.contains(&octet);
    (1..=15).contains(&text.len()) && text.bytes().all(is_good)
}

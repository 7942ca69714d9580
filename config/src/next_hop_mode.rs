//! `next_hop`: the next hop of what is advertised to a peer.

/// Which next hop goes with the routes advertised to a peer.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum NextHopMode {
    /// As RFC 4271 §5.1.3 has it: unchanged towards iBGP peers, the own address towards others and for own networks.
    #[default]
    Auto,
    /// Always the own address.
    Own,
    /// Always unchanged, where there is one.
    Keep,
}

impl NextHopMode {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "self" => Ok(Self::Own),
            "keep" => Ok(Self::Keep),
            _ => Err(format!("{text:?} is not a valid next-hop mode: write \"auto\", \"self\" or \"keep\"")),
        }
    }
}

//! Routing policy rules.

/// Which packets are routed by which table. Fields that are `None` match every packet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule {
    /// What is done with matching packets.
    pub action: RuleAction,
    /// Value and mask of the packet's mark.
    pub mark: Option<(u32, u32)>,
    /// Whether the rule matches packets that the others do not.
    pub is_inverted: bool,
}

/// What a rule does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RuleAction {
    /// The packet is routed by a table.
    Table(u32),
    /// Something that is never wanted here. Differs from every wanted action.
    Other,
}

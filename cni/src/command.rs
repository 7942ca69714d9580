//! What a runtime asks for.

/// What a runtime asks for (CNI specification, section 2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Command {
    /// To attach a container to the network.
    Add,
    /// To detach it.
    Del,
    /// To check that an attachment is as it was made.
    Check,
    /// To remove attachments that are not valid any more.
    Gc,
    /// To say whether attachments can be made.
    Status,
    /// To say which versions are supported.
    Version,
}

impl Command {
    /// Reads `CNI_COMMAND`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "ADD" => Self::Add,
            "DEL" => Self::Del,
            "CHECK" => Self::Check,
            "GC" => Self::Gc,
            "STATUS" => Self::Status,
            "VERSION" => Self::Version,
            _ => return None,
        })
    }

    /// The variables that must be given, `CNI_COMMAND` aside.
    #[must_use]
    pub const fn required(self) -> &'static [&'static str] {
        match self {
            Self::Add | Self::Check => &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"],
            Self::Del => &["CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"],
            Self::Gc | Self::Status => &["CNI_PATH"],
            Self::Version => &[],
        }
    }
}

//! What peers have to share to be in one export group.

use bgp_codec::{AsWidth, Family, UpdateEncoder};
use margay_filter::ChainContent;

use crate::options::{PathsSent, PeerOptions, RibOptions};
use crate::policy::ExportPolicy;

/// What peers have to share to be in one group. A setting that is not listed must not alter what a peer is
/// sent.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct GroupSignature {
    pub(super) policy: ExportPolicy,
    filter: ChainContent,
    /// The paths that are sent with path identifiers; `None` for the best path without one.
    pub(super) add_path: Option<PathsSent>,
    as_width: AsWidth,
    max_message_octets: usize,
}

impl GroupSignature {
    pub(crate) fn new(options: &PeerOptions, family: Family, speaker: &RibOptions) -> Self {
        Self {
            policy: ExportPolicy::new(options, family, speaker),
            filter: options.rules.export.content(),
            add_path: options.paths_sent(family),
            as_width: options.session.as_width,
            max_message_octets: options.session.max_message_octets,
        }
    }

    /// Whether the members are sent several paths for each prefix.
    pub(crate) fn sends_several(&self) -> bool {
        self.add_path.is_some()
    }

    /// Whether the members are sent all paths of an entry.
    pub(super) fn sends_all(&self) -> bool {
        matches!(self.add_path, Some(PathsSent::All))
    }

    /// Whether the members are sent the best few paths of an entry, which depend on all of them.
    pub(super) fn sends_best_few(&self) -> bool {
        matches!(self.add_path, Some(PathsSent::Best(_)))
    }

    pub(super) fn encoder(&self) -> UpdateEncoder {
        UpdateEncoder {
            as_width: self.as_width,
            max_message_octets: self.max_message_octets,
            add_path: self.add_path.is_some(),
        }
    }
}

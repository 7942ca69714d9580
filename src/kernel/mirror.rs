//! What the kernel has told of its links and routes.

use std::collections::HashSet;

use super::{
    KernelOptions,
    attached::{Attached, LinkChange},
    forwarding_table::ForwardingTable,
    held_routes::Certainty,
    notice::Notice,
};

/// The one place where messages of the kernel become state.
pub(super) struct Mirror {
    pub(super) table: ForwardingTable,
    pub(super) attached: Attached,
    /// Interfaces whose routes the kernel may have flushed without a word.
    suspects: HashSet<u32>,
    /// The port number of this daemon's request socket, which marks its echoes.
    port: u32,
}

/// What a message calls for beyond the change of state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Consequence {
    None,
    /// Links, addresses or attached subnets are not what they were.
    SurroundingsChanged,
    /// The mirror no longer knows what the kernel holds.
    MirrorUncertain,
}

impl Mirror {
    pub(super) fn new(options: KernelOptions, port: u32) -> Self {
        Self {
            table: ForwardingTable::new(options),
            attached: Attached::new(options.table),
            suspects: HashSet::new(),
            port,
        }
    }

    pub(super) fn on_notice(&mut self, notice: Notice) -> Consequence {
        match notice {
            Notice::Link { interface, flags } => match self.attached.on_link(interface, flags) {
                LinkChange::None => return Consequence::None,
                LinkChange::Usability => {}
                LinkChange::SetDown => self.suspect(interface),
            },
            Notice::LinkGone { interface } => {
                self.attached.on_link_gone(interface);
                self.suspect(interface);
            }
            Notice::Address => {}
            Notice::Ipv4AddressGone { interface } => self.suspect(interface),
            Notice::Route(notice) => {
                let own = notice.port == self.port;
                let attached_changed = self.attached.on_route(&notice);
                return match self.table.on_route(&notice, own) {
                    Certainty::Uncertain => Consequence::MirrorUncertain,
                    Certainty::Certain if attached_changed => Consequence::SurroundingsChanged,
                    Certainty::Certain => Consequence::None,
                };
            }
        }
        Consequence::SurroundingsChanged
    }

    /// Forgets everything but what is wanted, before links and routes are read anew.
    pub(super) fn forget(&mut self) {
        self.attached.forget();
        self.table.forget_held();
        self.suspects.clear();
    }

    /// Whether the kernel may have dropped routes without telling since the last call.
    pub(super) fn take_suspicion(&mut self) -> bool {
        let suspects = std::mem::take(&mut self.suspects);
        !suspects.is_empty()
            && (self.table.uses_any(&suspects)
                || suspects.iter().any(|interface| self.attached.has_ipv4_routes_on(*interface)))
    }

    fn suspect(&mut self, interface: u32) {
        self.suspects.insert(interface);
    }
}

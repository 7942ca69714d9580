//! What has to be checked or read again, because the kernel did something else than the mirror shows.

/// Doubts about the mirror that arose while messages and answers were handled.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    consequences: Consequences,
    /// Whether the kernel may have removed next hop objects silently.
    objects: bool,
}

/// Consequences of messages and answers beyond the change of state.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Consequences {
    /// Whether links, addresses or connected subnets changed, or objects have to be read.
    pub(crate) surroundings_changed: bool,
    /// Whether the mirror no longer matches the kernel and everything has to be read again.
    pub(crate) mirror_uncertain: bool,
}

impl Doubts {
    /// Notes that links, addresses or connected subnets changed.
    pub(crate) fn on_surroundings_changed(&mut self) {
        self.consequences.surroundings_changed = true;
    }

    /// Notes that the kernel has contradicted the mirror.
    pub(crate) fn on_contradiction(&mut self) {
        self.consequences.mirror_uncertain = true;
    }

    /// Notes that the kernel has contradicted the known state of its next hop objects.
    pub(crate) fn on_object_contradiction(&mut self) {
        self.objects = true;
        self.consequences.surroundings_changed = true;
    }

    /// Notes that the kernel may have removed next hop objects silently.
    pub(crate) fn suspect_objects(&mut self) {
        self.objects = true;
    }

    /// Whether objects have had to be read since the last call.
    pub(crate) fn take_objects_suspicion(&mut self) -> bool {
        std::mem::take(&mut self.objects)
    }

    /// Whether everything has to be read again.
    pub(crate) fn is_mirror_uncertain(&self) -> bool {
        self.consequences.mirror_uncertain
    }

    /// Sets whether everything has to be read again: not once that is about to be done.
    pub(crate) fn set_mirror_uncertain(&mut self, is_uncertain: bool) {
        self.consequences.mirror_uncertain = is_uncertain;
    }

    /// The consequences since the last call.
    pub(crate) fn take_consequences(&mut self) -> Consequences {
        std::mem::take(&mut self.consequences)
    }
}

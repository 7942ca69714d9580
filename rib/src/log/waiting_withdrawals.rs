//! How many withdrawals a log keeps for readers that have not read them yet.

/// Withdrawals that a log may keep beyond as many as it had routes. Each pins an entry of its table, some 90 octets in all.
const SPARE_WITHDRAWALS: usize = 256 * 1024;

/// Counts withdrawals that wait, and the routes that they can stand for.
///
/// When a table is withdrawn, as many withdrawals wait as there were routes, and their memory was in use before. More than that
/// wait only if new routes keep coming and going behind a reader that stands still.
#[derive(Clone, Debug, Default)]
pub(super) struct WaitingWithdrawals {
    waiting: usize,
    /// The most routes exported at one time since none waited last.
    most_exported: usize,
}

impl WaitingWithdrawals {
    /// A slot began or ceased to be a withdrawal; now `exported` routes are exported.
    pub(super) fn on_changed(&mut self, was_withdrawal: bool, is_withdrawal: bool, exported: usize) {
        self.waiting += usize::from(is_withdrawal);
        self.waiting -= usize::from(was_withdrawal);
        self.most_exported = self.most_exported.max(exported);
    }

    /// Every reader has read these withdrawals.
    pub(super) fn on_settled(&mut self, withdrawals: usize, exported: usize) {
        self.waiting -= withdrawals;
        if self.waiting == 0 {
            self.most_exported = exported;
        }
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether more wait than the slowest reader may be waited for.
    pub(super) fn are_too_many(&self) -> bool {
        self.waiting > self.most_exported + SPARE_WITHDRAWALS
    }
}

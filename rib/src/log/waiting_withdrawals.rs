//! Number of withdrawals that a log keeps for readers that have not read them yet.

/// Withdrawals that a log may keep beyond the number of routes it had. Each pins an entry of its table, some
/// 90 octets in all.
const SPARE_WITHDRAWALS: usize = 256 * 1024;

/// Counts waiting withdrawals, and the routes that they may stand for.
///
/// When a table is withdrawn, as many withdrawals wait as there were routes, and their memory was in use
/// before. More than that wait only if routes keep coming and going behind a reader that does not read.
#[derive(Clone, Debug, Default)]
pub(super) struct WaitingWithdrawals {
    waiting: usize,
    /// The highest number of exported routes since the last time without waiting withdrawals.
    most_exported: usize,
}

impl WaitingWithdrawals {
    /// Notes that a slot became or ceased to be a withdrawal. `exported` is the present number of exported
    /// routes.
    pub(super) fn on_changed(&mut self, was_withdrawal: bool, is_withdrawal: bool, exported: usize) {
        self.waiting += usize::from(is_withdrawal);
        self.waiting -= usize::from(was_withdrawal);
        self.most_exported = self.most_exported.max(exported);
    }

    /// Notes that every reader has read these withdrawals.
    pub(super) fn on_settled(&mut self, withdrawals: usize, exported: usize) {
        self.waiting -= withdrawals;
        if self.waiting == 0 {
            self.most_exported = exported;
        }
    }

    /// Number of waiting withdrawals.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether more wait than may be kept for the slowest reader.
    pub(super) fn are_too_many(&self) -> bool {
        self.waiting > self.most_exported + SPARE_WITHDRAWALS
    }
}

//! The exchange between a mirror and its kernel, and mishaps in it.

use margay_fib::{Ask, Batch, Fib};
use margay_timestamp::Timestamp;

use crate::KernelModel;

/// Makes the mirror's requests and returns the outcome to it.
pub struct Exchange {
    batch: Batch,
    sequence: u32,
}

/// Mishaps in an exchange.
pub trait Mishaps {
    /// Whether the batch is done but the answers are lost.
    fn loses_answers(&mut self) -> bool;
    /// Whether a dump may be incomplete.
    fn interrupts_dump(&mut self) -> bool;
    /// Applies other events to the kernel before it is asked.
    fn before_asking(&mut self, kernel: &mut KernelModel);
}

/// No mishaps.
impl Mishaps for () {
    fn loses_answers(&mut self) -> bool {
        false
    }

    fn interrupts_dump(&mut self) -> bool {
        false
    }

    fn before_asking(&mut self, _kernel: &mut KernelModel) {}
}

impl Default for Exchange {
    fn default() -> Self {
        Self { batch: Batch::new(1), sequence: 1 }
    }
}

impl Exchange {
    /// Delivers the kernel's messages.
    pub fn deliver(fib: &mut Fib, kernel: &mut KernelModel, now: Timestamp) {
        let (notices, overrun) = kernel.take_notices();
        notices.into_iter().for_each(|notice| fib.handle_notice(notice));
        fib.apply_notices(now);
        if overrun {
            fib.on_lost_messages(now);
        }
    }

    /// Asks one question. Returns whether there was one.
    pub fn ask(
        &mut self,
        fib: &mut Fib,
        kernel: &mut KernelModel,
        now: Timestamp,
        mishaps: &mut impl Mishaps,
    ) -> bool {
        self.batch.restart(self.sequence);
        let Some(ask) = fib.poll_ask(&mut self.batch, now) else { return false };
        mishaps.before_asking(kernel);
        match ask {
            Ask::Batch => {
                self.sequence = self.batch.last_sequence().wrapping_add(1);
                let refusals = kernel.handle(self.batch.seal());
                if mishaps.loses_answers() {
                    fib.on_unanswered(&self.batch, now);
                } else {
                    fib.on_answers(&self.batch, &refusals, now);
                }
                Self::deliver(fib, kernel, now);
            }
            Ask::Dump(dump) => match kernel.dump(dump) {
                Some(notices) => {
                    notices.into_iter().for_each(|notice| fib.on_dumped(notice));
                    Self::deliver(fib, kernel, now);
                    fib.on_dump_end(mishaps.interrupts_dump(), now);
                }
                None => {
                    fib.on_dump_refused(now);
                }
            },
        }
        true
    }

    /// Delivers messages, does what is due, and asks, until there is nothing left to do at this time.
    ///
    /// # Panics
    ///
    /// Panics after a thousand batches: mirror and kernel do not converge.
    pub fn settle(
        &mut self,
        fib: &mut Fib,
        kernel: &mut KernelModel,
        now: Timestamp,
        mishaps: &mut impl Mishaps,
    ) {
        Self::deliver(fib, kernel, now);
        fib.handle_timeout(now);
        for _ in 0..1_000 {
            if !self.ask(fib, kernel, now, mishaps) {
                return;
            }
        }
        panic!("the mirror and the kernel do not converge");
    }
}

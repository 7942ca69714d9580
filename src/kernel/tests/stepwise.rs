//! Synchronisation step by step: the kernel's messages wait until the test handles them.
//!
//! A burst of changes is then always handled together, as on a node with a busy processor.

use std::io;

use margay_forwarding::ForwardingChange;
use tokio::sync::mpsc;

use super::super::{
    FibOptions, KernelEvent, KernelRequest, KernelStatus,
    synchroniser::{Synchronisation, Synchroniser},
};

pub(super) struct Stepwise {
    synchronisation: Synchronisation,
    /// Kept open, so that events have a receiver.
    _events: mpsc::Receiver<KernelEvent>,
}

impl Stepwise {
    pub(super) fn start(options: FibOptions) -> Self {
        let (_, requests) = mpsc::channel(1);
        let (sender, events) = mpsc::channel(1);
        let synchroniser = Synchroniser::open(options.into(), requests, sender).expect("the sockets open");
        let synchronisation = synchroniser.start().expect("the tables are read");
        Self { synchronisation, _events: events }
    }

    pub(super) fn apply(&mut self, changes: Vec<ForwardingChange>) {
        self.synchronisation.on_request(KernelRequest::Apply(changes));
        self.catch_up();
    }

    /// Handles everything that waits, until nothing is left to do.
    pub(super) fn catch_up(&mut self) {
        self.synchronisation.catch_up();
    }

    /// Handles the kernel's messages, without making requests.
    pub(super) fn receive_notices(&mut self) {
        self.synchronisation.receive_notices().expect("messages are received");
    }

    /// As [`catch_up`](Self::catch_up), but makes due requests before it handles messages.
    pub(super) fn catch_up_sending_first(&mut self) {
        self.synchronisation.ask().expect("the kernel takes a batch");
        self.catch_up();
    }

    /// As [`apply`](Self::apply), but makes due requests before it handles messages.
    pub(super) fn apply_before_notices(&mut self, changes: Vec<ForwardingChange>) {
        self.synchronisation.on_request(KernelRequest::Apply(changes));
        self.catch_up_sending_first();
    }

    /// Limits what the kernel accepts in one send to some hundred octets.
    pub(super) fn limit_send_buffer(&self) {
        self.synchronisation.socket().limit_send_buffer(0);
    }

    pub(super) fn break_sockets(&self) {
        self.synchronisation.socket().break_it();
    }

    /// Removes routes of an earlier run, now and from now on.
    pub(super) fn remove_stale(&mut self) {
        self.synchronisation.on_request(KernelRequest::RemoveStale);
    }

    /// Takes over wishes, and asks the kernel for nothing yet.
    pub(super) fn want(&mut self, changes: Vec<ForwardingChange>) {
        self.synchronisation.on_request(KernelRequest::Apply(changes));
    }

    pub(super) fn try_to_send(&mut self) -> io::Result<()> {
        self.synchronisation.ask()
    }

    pub(super) fn reopen(&mut self) {
        self.synchronisation.reopen().expect("the sockets open");
    }

    pub(super) fn status(&self) -> KernelStatus {
        self.synchronisation.status()
    }
}

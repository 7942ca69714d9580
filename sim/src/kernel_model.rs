//! A kernel's forwarding table: it does what it is asked, and outlives the daemons that ask.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bgp_codec::Prefix;
use margay::kernel::{KernelEvent, KernelHandle, KernelRequest, KernelStatus};
use margay_rib::{Forwarding, Way, WayChange};
use tokio::sync::{mpsc, oneshot};

use crate::network::{Host, Network};

/// The table of one host.
#[derive(Debug, Default)]
pub(crate) struct KernelModel {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    routes: BTreeMap<Prefix, Forwarding>,
    /// What an earlier daemon left and the present one has not asked for.
    stale: BTreeSet<Prefix>,
}

impl KernelModel {
    /// What it holds.
    pub(crate) fn routes(&self) -> BTreeMap<Prefix, Forwarding> {
        self.table().routes.clone()
    }

    /// Serves one daemon, for as long as it runs. Every address can be reached.
    pub(crate) fn serve(
        self: &Arc<Self>,
        network: Arc<Network>,
        (host, incarnation): (Host, u64),
        events: mpsc::Sender<KernelEvent>,
    ) -> KernelHandle {
        let (requests, mut receiver) = mpsc::channel(REQUESTS);
        let (done_sender, done) = oneshot::channel();
        let model = Arc::clone(self);
        {
            let mut table = model.table();
            table.stale = table.routes.keys().copied().collect();
        }
        tokio::spawn(async move {
            let everywhere = ["0.0.0.0/0", "::/0"].map(|prefix| WayChange {
                prefix: prefix.parse().expect("a prefix"),
                way: Some(Way::Through { cost: 0 }),
            });
            let first = KernelEvent::Routes { ways: everywhere.to_vec(), routes: Vec::new() };
            // A daemon that is gone already wants to know nothing.
            drop(events.send(first).await);
            while let Some(request) = receiver.recv().await {
                if network.is_current(host, incarnation) {
                    model.table().handle(request);
                }
            }
            drop((events, done_sender));
        });
        KernelHandle::to_model(requests, done)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn handle(&mut self, request: KernelRequest) {
        match request {
            KernelRequest::Apply(changes) => {
                for change in changes {
                    self.stale.remove(&change.prefix);
                    match change.forwarding {
                        Some(forwarding) => self.routes.insert(change.prefix, forwarding),
                        None => self.routes.remove(&change.prefix),
                    };
                }
            }
            KernelRequest::RemoveStale => {
                for prefix in std::mem::take(&mut self.stale) {
                    self.routes.remove(&prefix);
                }
            }
            // Nothing is forwarded here, and the routes that follow have the same effect.
            KernelRequest::NextHops(_) | KernelRequest::Require(_) => {}
            // Who asks may have gone.
            KernelRequest::Status(answer) => drop(answer.send(KernelStatus::default())),
            KernelRequest::Describe(_, answer) => drop(answer.send(Vec::new())),
        }
    }
}

/// As many as the real one has.
const REQUESTS: usize = 64;

//! The loop: objects and links come in, wishes go to the kernel.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use margay_cluster::object::{AnyObject, Kind};
use margay_cni::exchange::spool_folder;
use margay_datastore::Client;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::arguments::Arguments;
use crate::attachments::Attachments;
use crate::endpoint_files::EndpointFiles;
use crate::kernel_thread::{self, EndpointEvent, KernelHandle};
use crate::node_plan::{NodePlan, route_keys};
use crate::objects::{ObjectEvent, Objects, Value};
use crate::startup::{self, TunnelAddresses, TunnelNeeds};
use crate::uplinks::Uplinks;
use crate::{cni_server, heartbeat};

/// The intervals between attempts of what depends on the datastore.
const RETRY: Duration = Duration::from_secs(2);

/// Runs until it is asked to end.
///
/// # Errors
///
/// When the options are wrong, or the kernel cannot be read.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let client = Client::new(arguments.datastore()?)?;
    let uplinks = Uplinks::follow().context("the links of the node")?;
    let (event_sender, events) = mpsc::unbounded_channel();
    let kernel = kernel_thread::start(event_sender).await.context("the kernel")?;
    let (mtu_sender, mtu) = watch::channel(None);
    let attachments = Arc::new(Attachments::new(
        arguments.node.clone(),
        client.clone(),
        kernel.clone(),
        spool_folder(&arguments.cni_socket),
        mtu,
    ));
    let (needs_sender, needs) = watch::channel(TunnelNeeds::default());
    let agent = Agent {
        plan: NodePlan::new(&arguments.node),
        objects: Objects::follow(&client, &arguments.node)?,
        kernel,
        uplinks: uplinks.clone(),
        events,
        files: EndpointFiles::new(&arguments.endpoint_status),
        mtu: mtu_sender,
        needs: needs_sender,
        node: arguments.node.clone(),
        is_open: false,
    };
    tokio::spawn(start_node(client.clone(), arguments.clone(), uplinks, needs));
    tokio::spawn(heartbeat::run(client, arguments.node.clone()));
    tokio::spawn(settle(Arc::clone(&attachments)));
    cni_server::serve(&arguments.cni_socket, attachments)
        .with_context(|| arguments.cni_socket.display().to_string())?;
    agent.run().await
}

/// Writes the node's objects, and keeps the addresses of its tunnels.
async fn start_node(
    client: Client,
    arguments: Arguments,
    uplinks: watch::Receiver<Uplinks>,
    mut needs: watch::Receiver<TunnelNeeds>,
) {
    loop {
        let links = uplinks.borrow().clone();
        match startup::prepare(&client, &arguments, &links).await {
            Ok(()) => break,
            Err(error) => tracing::warn!("the node cannot start yet: {error:#}"),
        }
        tokio::time::sleep(RETRY).await;
    }
    let tunnels = TunnelAddresses::new(client, &arguments.node);
    loop {
        let known = needs.borrow_and_update().clone();
        let outcome = tunnels.keep(&known).await;
        tokio::select! {
            changed = needs.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(RETRY), if outcome.is_err() => (),
        }
    }
}

/// Does what is owed since the last run, and whenever notes appear while the datastore is away.
async fn settle(attachments: Arc<Attachments>) {
    loop {
        let is_settled = attachments.settle().await;
        tokio::time::sleep(if is_settled { 5 * RETRY } else { RETRY }).await;
    }
}

struct Agent {
    plan: NodePlan,
    objects: Objects,
    kernel: KernelHandle,
    uplinks: watch::Receiver<Uplinks>,
    events: mpsc::UnboundedReceiver<EndpointEvent>,
    files: EndpointFiles,
    mtu: watch::Sender<Option<u32>>,
    needs: watch::Sender<TunnelNeeds>,
    node: String,
    is_open: bool,
}

impl Agent {
    async fn run(mut self) -> Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let links = self.uplinks.borrow_and_update().clone();
        self.plan.set_uplinks(links);
        loop {
            tokio::select! {
                batch = self.objects.next() => {
                    let batch = batch.context("the datastore is no longer followed")?;
                    for event in self.objects.take(batch) {
                        self.take(event).await;
                    }
                }
                changed = self.uplinks.changed() => {
                    changed.context("the links of the node are no longer followed")?;
                    let links = self.uplinks.borrow_and_update().clone();
                    self.plan.set_uplinks(links);
                }
                Some(event) = self.events.recv() => self.report(&event),
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
            }
            self.pass_on().await;
        }
    }

    /// Passes changes to the kernel, once everything is known.
    async fn pass_on(&mut self) {
        if !self.objects.is_in_sync() {
            return;
        }
        self.mtu.send_if_modified(|mtu| {
            let now = self.plan.workload_mtu();
            std::mem::replace(mtu, now) != now
        });
        self.kernel.want(self.plan.take_changes()).await;
        if !self.is_open {
            self.is_open = true;
            self.kernel.open().await;
            tracing::info!(endpoints = self.plan.endpoints().len(), "everything is known");
            let endpoints =
                self.plan.endpoints().iter().map(|((namespace, _), endpoint)| (namespace.as_str(), endpoint));
            if let Err(error) = self.files.retain(endpoints) {
                tracing::warn!(%error, "files about endpoints");
            }
            let report = self.kernel.report().await;
            tracing::info!(counts = ?report.counts, refused = ?report.refused, "the kernel");
        }
    }

    async fn take(&mut self, event: ObjectEvent) {
        match event {
            ObjectEvent::Block(key, value) => {
                let block = match value.as_deref() {
                    Some(Value::Block(_, block)) => Some(block.as_ref()),
                    _ => None,
                };
                self.plan.set_block(key.block, block);
            }
            ObjectEvent::Object(key, value) => {
                let object = match value.as_deref() {
                    Some(Value::Object(_, object)) => Some(object.as_ref()),
                    _ => None,
                };
                let namespace = key.namespace.clone().unwrap_or_default();
                self.take_object(key.kind, namespace, key.name, object).await;
            }
        }
    }

    async fn take_object(&mut self, kind: Kind, namespace: String, name: String, object: Option<&AnyObject>) {
        match (kind, object) {
            (Kind::Node, object) => {
                let node = match object {
                    Some(AnyObject::Node(node)) => Some(node.as_ref()),
                    _ => None,
                };
                if name == self.node {
                    self.needs.send_modify(|needs| needs.node = node.cloned());
                }
                self.plan.set_node(&name, node);
            }
            (Kind::IpPool, Some(AnyObject::IpPool(pool))) => {
                self.needs.send_modify(|needs| drop(needs.pools.insert(name.clone(), pool.as_ref().clone())));
                self.plan.set_pool(&name, Some(pool));
            }
            (Kind::IpPool, _) => {
                self.needs.send_modify(|needs| drop(needs.pools.remove(&name)));
                self.plan.set_pool(&name, None);
            }
            (Kind::BgpConfiguration, Some(AnyObject::BgpConfiguration(object))) => {
                self.plan.set_bgp_configuration(&name, Some(object.as_ref().clone()));
            }
            (Kind::BgpConfiguration, _) => self.plan.set_bgp_configuration(&name, None),
            (Kind::FelixConfiguration, Some(AnyObject::FelixConfiguration(object))) => {
                self.plan.set_felix_configuration(&name, Some(object.as_ref().clone()));
            }
            (Kind::FelixConfiguration, _) => self.plan.set_felix_configuration(&name, None),
            (Kind::WorkloadEndpoint, Some(AnyObject::WorkloadEndpoint(endpoint))) => {
                let id = (namespace, name);
                self.kernel.follow(id.clone(), Some(route_keys(endpoint))).await;
                self.plan.set_endpoint(id, Some(endpoint.as_ref().clone()));
            }
            (Kind::WorkloadEndpoint, _) => {
                let id = (namespace, name);
                self.kernel.follow(id.clone(), None).await;
                self.report(&EndpointEvent { id: id.clone(), is_up: false });
                self.plan.set_endpoint(id, None);
            }
            _ => (),
        }
    }

    /// Keeps the file of an endpoint.
    fn report(&self, event: &EndpointEvent) {
        let Some(endpoint) = self.plan.endpoints().get(&event.id) else { return };
        let namespace = &event.id.0;
        let outcome = match event.is_up {
            true => self.files.write(namespace, endpoint),
            false => self.files.remove(namespace, endpoint),
        };
        if let Err(error) = outcome {
            tracing::warn!(endpoint = event.id.1, %error, "its file");
        }
    }
}

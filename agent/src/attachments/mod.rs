//! Containers of the node: their addresses, interfaces and endpoint objects.
//!
//! The agent keeps no list of them: they are in the datastore and in the kernel. A note in the spool folder names each attachment that
//! is being made; after a crash it is undone.

mod add;
mod addresses;
mod check;
mod collect;
mod del;
mod endpoint_object;
mod pod_network;

use std::path::PathBuf;

use margay_cluster::key::ObjectKey;
use margay_cluster::object::{ClusterInformation, EndpointName, Kind};
use margay_cni::exchange::Request;
use margay_cni::spool::Note;
use margay_cni::{CniError, Command, Environment, NetworkConfiguration, code, host_interface_name};
use margay_datastore::Client;
use tokio::sync::{Mutex, watch};

use crate::kernel_thread::KernelHandle;
use crate::stored_object;

/// Makes and removes attachments of containers.
#[derive(Debug)]
pub(crate) struct Attachments {
    node: String,
    client: Client,
    kernel: KernelHandle,
    spool: PathBuf,
    /// The largest packet that every way to other nodes carries.
    mtu: watch::Receiver<Option<u32>>,
    /// Address management of a node is done by one at a time, as concurrent requests would only disturb each other.
    ipam: Mutex<()>,
    /// Locks of containers, by a hash of their identity.
    containers: [Mutex<()>; 64],
}

/// Which attachment a request is about.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) note: Note,
    /// The interface on the node.
    pub(crate) host_interface: String,
    /// The handle of the addresses.
    pub(crate) handle: String,
    /// The endpoint object.
    pub(crate) endpoint: ObjectKey,
    pub(crate) name: EndpointName,
}

impl Attachments {
    pub(crate) fn new(
        node: String,
        client: Client,
        kernel: KernelHandle,
        spool: PathBuf,
        mtu: watch::Receiver<Option<u32>>,
    ) -> Self {
        let containers = std::array::from_fn(|_| Mutex::new(()));
        Self { node, client, kernel, spool, mtu, ipam: Mutex::new(()), containers }
    }

    /// Undoes a request whose answer was not delivered.
    pub(crate) async fn forget(&self, request: &Request) {
        let environment = Environment::read(|name| request.environment.get(name).cloned());
        let Ok(Some(environment)) = environment else { return };
        if environment.command != Command::Add {
            return;
        }
        let configuration = NetworkConfiguration::read(request.configuration.as_bytes(), Command::Add);
        let Ok(configuration) = configuration else { return };
        if let Err(error) = self.del(&environment, &configuration).await {
            tracing::warn!(container = environment.container_id, %error, "an attachment cannot be undone");
        }
    }

    /// Says whether attachments can be made.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub(crate) async fn status(&self) -> Result<(), CniError> {
        let unavailable = |message: String| CniError::new(code::UNAVAILABLE, message);
        self.check_ready().await.map_err(|error| unavailable(error.message))?;
        let cluster = margay_ipam::ClusterState::load(&self.client).await;
        let cluster = cluster.map_err(|error| unavailable(error.to_string()))?;
        match cluster.pools.iter().any(|pool| pool.is_enabled) {
            true => Ok(()),
            false => Err(unavailable("there is no enabled IP pool".to_owned())),
        }
    }

    /// Checks that agents may use the datastore.
    async fn check_ready(&self) -> Result<(), CniError> {
        let again = |message: String| CniError::new(code::TRY_AGAIN, message);
        let key = ObjectKey { kind: Kind::ClusterInformation, namespace: None, name: "default".to_owned() };
        let current = self.client.get(key.to_string().as_bytes()).await;
        let current = current.map_err(|error| again(format!("the datastore is not reached: {error}")))?;
        let Some(current) = current else {
            return Err(again("the datastore has no ClusterInformation default".to_owned()));
        };
        let object = stored_object::decode::<ClusterInformation>(&current.value).map_err(again)?;
        match object.spec.datastore_ready {
            Some(true) => Ok(()),
            _ => Err(again("the datastore is not ready: ClusterInformation default says so".to_owned())),
        }
    }

    fn identity(&self, environment: &Environment, network: &str) -> Result<Identity, CniError> {
        let pod = environment.pod().map(|(namespace, pod)| (namespace.to_owned(), pod.to_owned()));
        self.identity_of(Note {
            network: network.to_owned(),
            container_id: environment.container_id.clone(),
            interface: environment.interface.clone(),
            pod,
            host_interface: None,
        })
    }

    /// The identity of a noted attachment.
    pub(crate) fn identity_of(&self, note: Note) -> Result<Identity, CniError> {
        let pod = note.pod.as_ref().map(|(namespace, pod)| (namespace.as_str(), pod.as_str()));
        let host_interface = host_interface_name("cali", pod, &note.container_id);
        let name = EndpointName {
            node: self.node.clone(),
            orchestrator: if pod.is_some() { "k8s" } else { "cni" }.to_owned(),
            workload: pod.map_or(note.container_id.as_str(), |(_, pod)| pod).to_owned(),
            endpoint: note.interface.clone(),
        };
        let object_name = name.build().map_err(|error| {
            CniError::new(code::INVALID_ENVIRONMENT, format!("the endpoint cannot be named: {error}"))
        })?;
        let endpoint = ObjectKey {
            kind: Kind::WorkloadEndpoint,
            namespace: Some(pod.map_or("default", |(namespace, _)| namespace).to_owned()),
            name: object_name,
        };
        let handle = format!("{}.{}", note.network, note.container_id);
        Ok(Identity { host_interface, handle, endpoint, name, note })
    }

    async fn lock(&self, container_id: &str) -> tokio::sync::MutexGuard<'_, ()> {
        let hash = container_id
            .bytes()
            .fold(0_usize, |hash, octet| hash.wrapping_mul(31).wrapping_add(octet.into()));
        self.containers[hash % self.containers.len()].lock().await
    }
}

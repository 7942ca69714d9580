//! etcd as the commands' store.

use std::time::Duration;

use margay_datastore::{Client, Current, Expected, KeyRange, KeyValue, SwapOutcome};
use tokio::runtime::Runtime;

use super::connection;
use super::store::Store;
use crate::arguments::objects::ConnectionArguments;
use crate::object_error::ObjectError;

/// etcd, and what runs the calls to it.
pub(crate) struct EtcdStore {
    runtime: Runtime,
    client: Client,
}

impl EtcdStore {
    /// Connects with the first call.
    pub(crate) fn connect(arguments: &ConnectionArguments) -> Result<Self, ObjectError> {
        let options = connection::options(arguments, &connection::Environment::of_process())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ObjectError::Runtime)?;
        Ok(Self { runtime, client: Client::new(options)? })
    }

    /// The runtime and the client, for commands that do not end with one answer.
    pub(crate) fn into_parts(self) -> (Runtime, Client) {
        (self.runtime, self.client)
    }
}

impl Store for EtcdStore {
    fn get(&mut self, key: &str) -> Result<Option<Current>, ObjectError> {
        Ok(self.runtime.block_on(self.client.get(key.as_bytes()))?)
    }

    fn list(&mut self, prefix: &str) -> Result<Vec<KeyValue>, ObjectError> {
        let range = KeyRange::of_prefix(prefix.to_owned());
        Ok(self.runtime.block_on(self.client.list(&range))?.key_values)
    }

    fn swap(&mut self, key: &str, expected: Expected, value: Option<Vec<u8>>) -> SwapOutcome {
        let swap = self.client.swap(key.as_bytes(), expected, value.map(Into::into));
        let outcome = async { tokio::time::timeout(SWAP_WITHIN, swap).await };
        self.runtime
            .block_on(outcome)
            .unwrap_or_else(|_| SwapOutcome::Unknown(format!("no answer within {} s", SWAP_WITHIN.as_secs())))
    }
}

/// The longest that a write may take, with every attempt to find out what became of it.
const SWAP_WITHIN: Duration = Duration::from_secs(30);

//! The Container Network Interface: what a runtime asks a plugin for, and the answers, in the versions 0.1.0 to 1.1.0.
//!
//! The program `margay-cni` is thin: it checks the form of a request and passes it to the node's agent over a Unix socket
//! ([`exchange`]). Without the agent it serves `DEL` alone: it removes the interface and leaves a note of the addresses that are to
//! be released ([`spool`]).

mod add_result;
mod cni_error;
mod command;
mod configuration;
mod environment;
pub mod exchange;
mod interface_name;
pub mod plugin;
pub mod spool;
mod version;

pub use add_result::{AddResult, AssignedAddress};
pub use cni_error::{CniError, code};
pub use command::Command;
pub use configuration::{
    AddressManagement, Attachment, ContainerSettings, FeatureControl, Flag, NetworkConfiguration,
    PolicySettings, RuntimeConfiguration,
};
pub use environment::Environment;
pub use interface_name::host_interface_name;
pub use version::{SUPPORTED, Version};

//! Agents and the CNI plugin with a real datastore, in network namespaces.
//!
//! Needs root, and installs etcd where it is missing.

mod attachments;
mod cluster;
mod crashes;
mod forms;
mod overlay;

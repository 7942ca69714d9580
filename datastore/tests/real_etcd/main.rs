//! The datastore against real etcd: three members in namespaces, and what can happen to them.
//!
//! Needs root, and installs etcd where it is missing.

mod access;
mod cluster;
mod faults;
mod histories;
mod leases;
mod machines;
mod writes;

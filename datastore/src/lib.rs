//! etcd v3 for margay: list and watch that survive what happens to a cluster, compare-and-swap, leases that renew themselves.
//!
//! A [`Client`] talks to one member at a time and goes on to the next when that one fails. A [`Feed`] follows a part of the
//! store and gives typed objects to any number of readers of the process. What it decides is decided in `margay-watch`; here
//! are the connections.

mod api;
mod client;
mod client_store;
mod connection;
mod credentials;
mod error;
mod feed;
mod jitter;
mod lease;
mod members;
mod options;
mod stream;
mod tls;

pub use client::{Client, Listed};
pub use credentials::Credentials;
pub use error::DatastoreError;
pub use feed::{Decoded, Feed, FeedEvent, FeedReader, FeedStatus};
pub use lease::LeasedKeys;
pub use margay_watch::{
    Current, Entry, Expected, KeyRange, KeyValue, Revision, Stamp, Store, StoreError, SwapOptions,
    SwapOutcome,
};
pub use options::DatastoreOptions;
pub use tls::TlsFiles;

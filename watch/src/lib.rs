//! What is known of a key/value store, and how it is kept current: values in, values out.
//!
//! A [`Follower`] lists a range of keys at one revision and then watches it from the next one. After a lost stream it resumes
//! where it was; after a compaction it lists again and emits only what differs. A [`ChangeLog`] gives what the follower found to
//! any number of readers, each at its own speed. A [`Swap`] is one compare-and-swap with all that can become of it.
//!
//! Nothing here reads a clock, opens a connection or draws a random number: time and jitter are arguments, requests are
//! outputs.

mod backoff;
mod change_log;
mod follower;
mod key_range;
mod mirror;
mod revision;
mod store;
mod swap;

pub use backoff::Backoff;
pub use change_log::{ChangeLog, LogChange, ReaderId};
pub use follower::{
    Attempt, Failure, Follower, FollowerOptions, ListRequest, Output, Page, Request, WatchEvent,
    WatchMessage, WatchRequest,
};
pub use key_range::KeyRange;
pub use mirror::{Change, Entry, KeyValue, Mirror};
pub use revision::{ClusterId, Revision};
pub use store::{Store, StoreError};
pub use swap::{Current, Expected, Stamp, Swap, SwapOptions, SwapOutcome, SwapReply, SwapRequest, SwapStep};

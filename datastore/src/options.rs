//! Where the store is, and how it is spoken to.

use std::time::Duration;

use crate::{Credentials, TlsFiles};

/// Where the store is, and how it is spoken to.
#[derive(Clone, Debug)]
pub struct DatastoreOptions {
    /// URLs of all members: `http://10.0.0.1:2379`, or `https://` with [`tls`](Self::tls).
    pub endpoints: Vec<String>,
    /// Certificates for `https://`.
    pub tls: Option<TlsFiles>,
    /// A name and a password, where the store asks for them.
    pub credentials: Option<Credentials>,
    /// How long a call may take, and how long it may take to connect.
    pub call_within: Duration,
    /// How often the connection is tested, also while nothing happens on it. etcd ends connections that are tested more often
    /// than every 5 s.
    pub test_every: Duration,
    /// How long the answer to such a test may take.
    pub test_answer_within: Duration,
    /// The largest answer in octets that is taken.
    pub answer_octets: usize,
    /// The most keys in one page of a list.
    pub page_keys: u32,
}

impl DatastoreOptions {
    /// The usual options for members at these URLs.
    #[must_use]
    pub fn new(endpoints: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            tls: None,
            credentials: None,
            call_within: Duration::from_secs(2),
            test_every: Duration::from_secs(5),
            test_answer_within: Duration::from_secs(2),
            answer_octets: 64 << 20,
            page_keys: 10_000,
        }
    }
}

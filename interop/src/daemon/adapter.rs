//! The interface of an adapter: a node's configuration in the daemon's language, and the state of the daemon read back.

use anyhow::Result;

use super::feature::Feature;
use crate::engine::Container;
use crate::node::{Node, Peer, Route};

/// What the harness has to know of a daemon.
pub(crate) trait Adapter: Sync {
    /// Its name in tables.
    fn title(&self) -> &'static str;

    /// The folder of its image under `images/`, or `None` for margay's own image.
    fn image(&self) -> Option<&'static str>;

    /// A command that prints the version.
    fn version_command(&self) -> &'static [&'static str];

    /// Why it cannot do something, if it cannot.
    fn lacks(&self, feature: Feature) -> Option<&'static str>;

    /// The files that it reads at a start.
    fn files(&self, node: &Node, start: Start) -> Vec<File>;

    /// The words after the image's name that start it.
    fn command(&self) -> &'static [&'static str];

    /// Fails until the daemon answers.
    ///
    /// # Errors
    ///
    /// It does not answer yet.
    fn ready(&self, container: &Container) -> Result<()>;

    /// What is left to do once it answers.
    ///
    /// # Errors
    ///
    /// It refuses.
    fn after_start(&self, _container: &Container, _node: &Node) -> Result<()> {
        Ok(())
    }

    /// State of a session in the daemon's words; `established` in lower case when it is up.
    ///
    /// # Errors
    ///
    /// The daemon does not answer or has no such peer.
    fn session(&self, container: &Container, peer: &Peer) -> Result<String>;

    /// The routes that it has learned from its peers, all paths of them.
    ///
    /// # Errors
    ///
    /// The daemon does not answer, or its answer is not understood.
    fn routes(&self, container: &Container, node: &Node) -> Result<Vec<Route>>;

    /// Asks a peer for all its routes (RFC 2918).
    ///
    /// # Errors
    ///
    /// It refuses.
    fn request_refresh(&self, container: &Container, peer: &Peer) -> Result<()>;

    /// Ends a session for good, with a text for the peer (RFC 9003).
    ///
    /// # Errors
    ///
    /// It refuses.
    fn shut_down(&self, container: &Container, peer: &Peer, text: &str) -> Result<()>;
}

/// A file in the folder of a daemon.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) name: &'static str,
    pub(crate) content: String,
    /// Whether others than its owner may read it.
    pub(crate) public: bool,
}

impl File {
    /// A file that every user may read.
    pub(super) fn new(name: &'static str, content: String) -> Self {
        Self { name, content, public: true }
    }
}

/// How a daemon begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Start {
    Fresh,
    /// After an end that peers bridge (RFC 4724).
    Recovering,
}

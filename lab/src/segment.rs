//! An Ethernet segment: a bridge in a namespace of its own, with attachments that can be cut.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;

use crate::namespace::Namespace;

/// A bridge that the attached namespaces share.
#[derive(Debug)]
pub struct Segment {
    wire: Namespace,
    ports: AtomicU32,
}

/// The attachment of a namespace to a segment.
#[derive(Clone, Debug)]
pub struct Attachment {
    wire: Namespace,
    port: String,
}

impl Segment {
    pub(crate) fn create(wire: Namespace) -> Result<Self> {
        wire.ip("link add br0 type bridge mcast_snooping 0")?;
        wire.ip("link set br0 up")?;
        Ok(Self { wire, ports: AtomicU32::new(0) })
    }

    /// Attaches a namespace: creates an interface with this name and these addresses (`172.16.0.1/24`), which
    /// is up.
    ///
    /// # Errors
    ///
    /// `ip` fails, for instance because of an invalid address.
    pub fn attach(&self, namespace: &Namespace, interface: &str, addresses: &[&str]) -> Result<Attachment> {
        let port = format!("port{}", self.ports.fetch_add(1, Ordering::Relaxed));
        let wire = self.wire.name();
        namespace.ip(&format!("link add {interface} type veth peer name {port} netns {wire}"))?;
        self.wire.ip(&format!("link set {port} master br0 up"))?;
        for address in addresses {
            let flag = if address.contains(':') { "nodad" } else { "" };
            namespace.ip(&format!("address add {address} dev {interface} {flag}"))?;
        }
        namespace.ip(&format!("link set {interface} up"))?;
        Ok(Attachment { wire: self.wire.clone(), port })
    }
}

impl Attachment {
    /// Drops every packet while the interface stays up, so that only a timer can detect the failure.
    ///
    /// # Errors
    ///
    /// `ip` fails.
    pub fn cut(&self) -> Result<()> {
        self.wire.ip(&format!("link set {} nomaster", self.port))
    }

    /// Undoes [`cut`](Self::cut).
    ///
    /// # Errors
    ///
    /// `ip` fails.
    pub fn restore(&self) -> Result<()> {
        self.wire.ip(&format!("link set {} master br0", self.port))
    }

    /// Removes the carrier of the interface.
    ///
    /// # Errors
    ///
    /// `ip` fails.
    pub fn unplug(&self) -> Result<()> {
        self.wire.ip(&format!("link set {} down", self.port))
    }

    /// Undoes [`unplug`](Self::unplug).
    ///
    /// # Errors
    ///
    /// `ip` fails.
    pub fn plug(&self) -> Result<()> {
        self.wire.ip(&format!("link set {} up", self.port))
    }
}

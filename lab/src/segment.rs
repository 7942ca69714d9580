//! An Ethernet segment: a bridge in a namespace of its own, with cables that can be cut.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;

use crate::namespace::Namespace;

/// A bridge that attached namespaces share.
#[derive(Debug)]
pub struct Segment {
    wire: Namespace,
    ports: AtomicU32,
}

/// One namespace's cable to a segment.
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

    /// Plugs a namespace in: an interface of that name with these addresses (`172.16.0.1/24`), up at once.
    ///
    /// # Errors
    ///
    /// When `ip` fails, as for an address it does not understand.
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
    /// Loses every packet while the interface stays up: only a timer can notice.
    ///
    /// # Errors
    ///
    /// When `ip` fails.
    pub fn cut(&self) -> Result<()> {
        self.wire.ip(&format!("link set {} nomaster", self.port))
    }

    /// Undoes [`cut`](Self::cut).
    ///
    /// # Errors
    ///
    /// When `ip` fails.
    pub fn restore(&self) -> Result<()> {
        self.wire.ip(&format!("link set {} master br0", self.port))
    }

    /// Pulls the plug: the interface loses its carrier.
    ///
    /// # Errors
    ///
    /// When `ip` fails.
    pub fn unplug(&self) -> Result<()> {
        self.wire.ip(&format!("link set {} down", self.port))
    }

    /// Undoes [`unplug`](Self::unplug).
    ///
    /// # Errors
    ///
    /// When `ip` fails.
    pub fn plug(&self) -> Result<()> {
        self.wire.ip(&format!("link set {} up", self.port))
    }
}

//! Follows the kernel's addresses over netlink.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, Stream, StreamExt, TryStreamExt};
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use rtnetlink::{Handle, MulticastGroup, new_multicast_connection};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::{error, warn};

use super::{AddressBook, AddressState, InterfaceAddress};

/// The present addresses, and their changes from now on. To be called within a tokio runtime.
///
/// # Errors
///
/// The system does not list its addresses.
pub(crate) async fn watch() -> io::Result<watch::Receiver<Arc<AddressBook>>> {
    let watcher = Watcher::open()?;
    let (books, receiver) = watch::channel(Arc::new(watcher.read().await?));
    tokio::spawn(run(watcher, books));
    Ok(receiver)
}

/// Publishes a new book after each change, until all receivers are gone. A failed socket is reopened.
async fn run(mut watcher: Watcher, books: watch::Sender<Arc<AddressBook>>) {
    loop {
        tokio::select! {
            () = books.closed() => return,
            result = watcher.changed() => if let Err(error) = result {
                warn!(%error, "the netlink socket for own addresses failed; opening it again");
                watcher = reopened().await;
            },
        }
        match watcher.read().await {
            Ok(book) => {
                books.send_if_modified(|former| {
                    let is_new = **former != book;
                    *former = Arc::new(book);
                    is_new
                });
            }
            Err(error) => {
                warn!(%error, "own addresses cannot be read; trying again");
                watcher = reopened().await;
                watcher.is_stale = true;
            }
        }
    }
}

async fn reopened() -> Watcher {
    loop {
        sleep(PAUSE_AFTER_ERROR).await;
        match Watcher::open() {
            Ok(watcher) => return watcher,
            Err(error) => {
                error!(%error, "the netlink socket for own addresses cannot be opened; trying again")
            }
        }
    }
}

/// A netlink socket that receives changes.
struct Watcher {
    handle: Handle,
    changes: Pin<Box<dyn Stream<Item = ()> + Send + Sync>>,
    /// Whether the published book may be outdated.
    is_stale: bool,
    connection: JoinHandle<()>,
}

impl Watcher {
    fn open() -> io::Result<Self> {
        let groups = [MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv6Ifaddr];
        let (connection, handle, messages) = new_multicast_connection(&groups)?;
        let connection = tokio::spawn(connection);
        Ok(Self { handle, changes: Box::pin(messages.map(drop)), is_stale: false, connection })
    }

    /// Waits for a change, and for further ones that follow at once. Their contents do not matter: reading
    /// all addresses afterwards is correct even if changes were lost because the socket was full.
    async fn changed(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.is_stale) {
            let closed = || io::Error::other("the netlink socket is closed");
            self.changes.next().await.ok_or_else(closed)?;
        }
        sleep(SETTLE_TIME).await;
        while let Some(Some(())) = self.changes.next().now_or_never() {}
        Ok(())
    }

    async fn read(&self) -> io::Result<AddressBook> {
        let messages = self.handle.address().get().execute();
        let messages: Vec<AddressMessage> = messages.try_collect().await.map_err(io::Error::other)?;
        Ok(AddressBook::new(messages.iter().filter_map(interface_address)))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn interface_address(message: &AddressMessage) -> Option<InterfaceAddress> {
    let (mut local, mut prefix, mut flags) = (None, None, None);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(address) => local = Some(*address),
            AddressAttribute::Address(address) => prefix = Some(*address),
            AddressAttribute::Flags(all) => flags = Some(*all),
            _ => {}
        }
    }
    // On a point-to-point link, ADDRESS is that of the other end (rtnetlink(7)).
    let address: IpAddr = local.or(prefix)?;
    let flags = flags.unwrap_or_else(|| AddressFlags::from_bits_retain(message.header.flags.bits().into()));
    Some(InterfaceAddress {
        interface: message.header.index,
        address,
        subnet: InterfaceAddress::subnet(prefix.unwrap_or(address), message.header.prefix_len),
        state: address_state(flags),
    })
}

fn address_state(flags: AddressFlags) -> AddressState {
    // An optimistic address is in use during its detection (RFC 4429).
    let is_tentative = flags.contains(AddressFlags::Tentative) && !flags.contains(AddressFlags::Optimistic);
    if is_tentative || flags.contains(AddressFlags::Dadfailed) {
        AddressState::Unusable
    } else if flags.contains(AddressFlags::Deprecated) {
        AddressState::Deprecated
    } else if flags.contains(AddressFlags::Secondary) {
        AddressState::Secondary
    } else {
        AddressState::Preferred
    }
}

/// Time during which changes are gathered before all addresses are read: pods that start cause several each.
const SETTLE_TIME: Duration = Duration::from_millis(20);

/// Pause after an error.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_whose_detection_has_succeeded_are_in_use() {
        use AddressFlags as F;
        for (flags, expected) in [
            (F::Permanent, AddressState::Preferred),
            (F::Permanent | F::Tentative, AddressState::Unusable),
            (F::Permanent | F::Tentative | F::Optimistic, AddressState::Preferred),
            (F::Permanent | F::Tentative | F::Dadfailed, AddressState::Unusable),
            (F::Permanent | F::Tentative | F::Optimistic | F::Dadfailed, AddressState::Unusable),
            (F::Deprecated, AddressState::Deprecated),
            (F::Deprecated | F::Secondary, AddressState::Deprecated),
            (F::Secondary, AddressState::Secondary),
        ] {
            assert_eq!(address_state(flags), expected, "{flags:?}");
        }
    }

    #[tokio::test]
    async fn reads_the_addresses_of_the_loopback_interface() {
        let books = watch().await.unwrap();
        let book = books.borrow();
        let own =
            book.own_next_hops(([127, 0, 0, 1].into(), None), [127, 0, 0, 2].into(), Default::default());
        assert_eq!(own.shared_subnet.map(|subnet| subnet.to_string()).as_deref(), Some("127.0.0.0/8"));
    }
}

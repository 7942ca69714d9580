//! Follows the kernel's addresses and links over netlink.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, Stream, StreamExt, TryStreamExt};
use rtnetlink::packet_core::NetlinkPayload;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use rtnetlink::packet_route::link::{LinkFlags, LinkMessage};
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
    let mut watcher = Watcher::open()?;
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
    changes: Pin<Box<dyn Stream<Item = Change> + Send + Sync>>,
    links: RunningLinks,
    /// Whether the published book may be outdated.
    is_stale: bool,
    connection: JoinHandle<()>,
}

impl Watcher {
    fn open() -> io::Result<Self> {
        let groups = [MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv6Ifaddr, MulticastGroup::Link];
        let (connection, handle, messages) = new_multicast_connection(&groups)?;
        let connection = tokio::spawn(connection);
        let changes = Box::pin(messages.map(|(message, _)| Change::of(message.payload)));
        Ok(Self { handle, changes, links: RunningLinks::default(), is_stale: false, connection })
    }

    /// Waits for a change, and for further ones that follow at once. The contents of those of addresses do not matter:
    /// reading all addresses afterwards is correct even if changes were lost because the socket was full. A message about a link
    /// that changes nothing is not a change, as there are many.
    async fn changed(&mut self) -> io::Result<()> {
        let mut is_changed = std::mem::take(&mut self.is_stale);
        while !is_changed {
            let closed = || io::Error::other("the netlink socket is closed");
            let change = self.changes.next().await.ok_or_else(closed)?;
            is_changed = self.links.apply(change);
        }
        sleep(SETTLE_TIME).await;
        while let Some(Some(change)) = self.changes.next().now_or_never() {
            self.links.apply(change);
        }
        Ok(())
    }

    async fn read(&mut self) -> io::Result<AddressBook> {
        if self.links.is_stale {
            let messages = self.handle.link().get().execute();
            let messages: Vec<LinkMessage> = messages.try_collect().await.map_err(io::Error::other)?;
            self.links = RunningLinks::of(&messages);
        }
        let messages = self.handle.address().get().execute();
        let messages: Vec<AddressMessage> = messages.try_collect().await.map_err(io::Error::other)?;
        let addresses = messages.iter().filter_map(interface_address);
        Ok(AddressBook::new(addresses).with_running_links(Arc::clone(&self.links.indices)))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// A message of the kernel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Change {
    Address,
    /// An interface with this number is there, and carries packets or not.
    Link(u32, bool),
    /// Messages were lost, or are not known.
    Unknown,
}

impl Change {
    fn of(payload: NetlinkPayload<RouteNetlinkMessage>) -> Self {
        match payload {
            NetlinkPayload::InnerMessage(
                RouteNetlinkMessage::NewAddress(_) | RouteNetlinkMessage::DelAddress(_),
            ) => Self::Address,
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) => {
                Self::Link(link.header.index, is_running(&link))
            }
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelLink(link)) => {
                Self::Link(link.header.index, false)
            }
            _ => Self::Unknown,
        }
    }
}

/// The interfaces that are up and have a carrier.
#[derive(Debug)]
struct RunningLinks {
    indices: Arc<BTreeSet<u32>>,
    /// Whether they have to be read.
    is_stale: bool,
}

impl Default for RunningLinks {
    fn default() -> Self {
        Self { indices: Arc::default(), is_stale: true }
    }
}

impl RunningLinks {
    fn of(messages: &[LinkMessage]) -> Self {
        let running = messages.iter().filter(|link| is_running(link));
        Self { indices: Arc::new(running.map(|link| link.header.index).collect()), is_stale: false }
    }

    /// Notes a change. Returns whether it is one.
    fn apply(&mut self, change: Change) -> bool {
        match change {
            Change::Address => true,
            Change::Link(index, true) => {
                !self.indices.contains(&index) && Arc::make_mut(&mut self.indices).insert(index)
            }
            Change::Link(index, false) => {
                self.indices.contains(&index) && Arc::make_mut(&mut self.indices).remove(&index)
            }
            Change::Unknown => {
                self.is_stale = true;
                true
            }
        }
    }
}

fn is_running(link: &LinkMessage) -> bool {
    link.header.flags.contains(LinkFlags::Up | LinkFlags::LowerUp)
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

    #[test]
    fn a_link_is_down_when_it_stops_running_and_only_changes_count() {
        let mut links = RunningLinks { indices: Arc::new(BTreeSet::from([1, 2])), is_stale: false };
        for (change, is_change, running) in [
            (Change::Link(2, true), false, &[1, 2][..]),
            (Change::Link(3, false), false, &[1, 2]),
            (Change::Link(2, false), true, &[1]),
            (Change::Link(2, false), false, &[1]),
            (Change::Link(3, true), true, &[1, 3]),
            (Change::Address, true, &[1, 3]),
        ] {
            assert_eq!(links.apply(change), is_change, "{change:?}");
            assert_eq!(*links.indices, running.iter().copied().collect(), "{change:?}");
        }
        assert!(!links.is_stale);
        assert!(links.apply(Change::Unknown) && links.is_stale);
        let book = AddressBook::default();
        assert!(!book.is_link_down(2), "nothing is known");
        let book = book.with_running_links(links.indices);
        assert!(book.is_link_down(2) && !book.is_link_down(3));
    }

    #[tokio::test]
    async fn reads_the_addresses_of_the_loopback_interface() {
        let books = watch().await.unwrap();
        let book = books.borrow();
        let own =
            book.own_next_hops(([127, 0, 0, 1].into(), None), [127, 0, 0, 2].into(), Default::default());
        assert_eq!(own.shared_subnet.map(|subnet| subnet.to_string()).as_deref(), Some("127.0.0.0/8"));
        assert!(!book.is_link_down(1), "the loopback interface is up");
        assert!(book.is_link_down(u32::MAX), "there is no such interface");
    }
}

//! What the session wants done.

use bgp_codec::{Message, Notification};

use crate::{CloseReason, ConnectionId, Departure, Negotiated, State};

/// Something the session wants done; actions are done in the order in which
/// [`Session::poll_action`](crate::Session::poll_action) hands them out.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Dial the peer, and answer with [`Event::Connected`](crate::Event::Connected) or
    /// [`Event::ConnectFailed`](crate::Event::ConnectFailed).
    Connect(ConnectionId),
    /// Send an OPEN or a KEEPALIVE.
    Send(ConnectionId, Message),
    /// Send the NOTIFICATION, if there is one, and close the connection or give up the dial.
    ///
    /// Every id that the session received, or asked to dial, is closed exactly once, also when the peer closed it: the
    /// caller can drop here what it keeps by id. No later action names the id, and later events of it are ignored.
    Close(ConnectionId, CloseReason, Option<Notification>),
    /// The session is up on this connection. At most one is: a former one's [`Action::Down`] comes before.
    Established(ConnectionId, Box<Negotiated>),
    /// The session is no longer up. The departure says what becomes of the routes that the peer advertised in it.
    Down(ConnectionId, CloseReason, Departure),
    /// The session's state is now another one, for those who show it.
    StateChanged(State),
}

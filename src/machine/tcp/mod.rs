//! TCP: connections, listening sockets, and their options.

mod connect;
mod listening_socket;
mod md5;
mod socket_option;
mod stream;

pub use connect::{Distance, Transport};
pub(crate) use listening_socket::ListeningSocket;
pub use md5::{TcpPassword, TcpPasswordError};
pub use stream::Stream;
pub(crate) use stream::{ReadHalf, WriteHalf};

//! Encoding and decoding of netlink messages.

mod batch;
mod dump;
mod errno;
mod kernel_route;
mod message;
mod notice;
mod object_message;
mod protocol_name;
mod refusal;
mod route_request;
mod wire;

pub use self::batch::{Batch, Request};
pub use self::dump::Dump;
pub use self::errno::{EEXIST, ENOENT, ESRCH};
pub use self::kernel_route::{KernelHop, KernelRoute, RouteKind, RouteShape, RouteTarget};
pub use self::message::{MESSAGE_HEADER_OCTETS, messages, push_message};
pub use self::notice::{LinkNotice, LinkState, Notice, RouteChange, RouteNotice};
pub use self::object_message::{
    GroupMember, ObjectContent, ObjectNotice, ObjectRequest, RTM_DELNEXTHOP, RTM_NEWNEXTHOP,
};
pub use self::refusal::Refusal;
pub use self::route_request::{RTM_DELROUTE, RTM_NEWROUTE, RouteRequest};

pub(crate) use self::kernel_route::is_on_every_link;
pub(crate) use self::protocol_name::protocol_name;
pub(crate) use self::route_request::{encode_new_route, encode_removal};

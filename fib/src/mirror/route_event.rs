//! What has become of routes while a dump is read.

use super::dropped::Flush;
use crate::netlink::RouteNotice;

/// Something that happened to routes.
#[derive(Clone, Debug)]
pub(crate) enum RouteEvent {
    Told(RouteNotice),
    Flushed(Flush),
}

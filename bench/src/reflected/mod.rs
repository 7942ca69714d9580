//! What the clients of a route reflector hold, checked as it comes in.
//!
//! Each UPDATE that differs from those before is decoded once and compared with what must come; what it does to a client's
//! Adj-RIB-In is kept as masks over a bitmap of all routes. The same octets to other clients then cost a comparison and
//! some bit operations, yet each client's Adj-RIB-In is as exact as if it had decoded all itself.

mod client_rib;
mod known_routes;
mod reflected_routes;
mod route_change;
mod update_memo;

pub(crate) use known_routes::KnownRoutes;
pub(crate) use reflected_routes::ReflectedRoutes;

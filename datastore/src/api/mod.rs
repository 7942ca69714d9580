//! etcd's API as messages and clients; the stubs are made by `cargo xtask protos`.

#[expect(
    unreachable_pub,
    unnameable_types,
    unused_qualifications,
    clippy::enum_variant_names,
    reason = "the stubs are generated"
)]
#[rustfmt::skip]
mod etcd;

pub(crate) use etcd::*;

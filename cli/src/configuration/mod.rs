//! Commands about configuration files: each file is one.

mod check;
mod convert;
mod diff;
mod disk_files;

pub(crate) use check::run as check;
pub(crate) use convert::run as convert;
pub(crate) use diff::run as diff;
pub(crate) use disk_files::read;

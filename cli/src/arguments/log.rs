//! Arguments about the daemon's log.

use clap::{Args, Subcommand};

/// The log of the daemon.
#[derive(Debug, Args)]
pub(crate) struct Log {
    #[command(subcommand)]
    pub(crate) change: Option<LogChange>,
}

/// A change of what is logged, until the next start of the daemon.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum LogChange {
    /// Log with another level, or with a filter for each part of the program
    Level {
        /// error, warn, info, debug or trace; a filter such as info,margay::kernel=debug; or "configured" for that of the file
        filter: String,
    },
    /// Log everything of level debug about a peer
    Debug {
        /// Its name; its address if it has none
        peer: String,
    },
    /// No longer do so
    Undebug {
        /// Its name; its address if it has none
        peer: String,
    },
}

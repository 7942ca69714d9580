//! Reading the configuration again by itself, once its files have changed and are left alone.

use tracing::{debug, info, warn};

use super::config_files::Strictness;
use super::reload::log_refusal;
use super::task::Daemon;
use super::watched_files::Watched;
use crate::machine::{FilesRead, Machine};

impl Daemon {
    /// Watches the files that the configuration was read from, if that is what it asks for.
    pub(crate) async fn watch_files(&mut self, read: FilesRead) {
        self.watched.settings = self.config().global().watch_file;
        if self.watched.settings.is_none() {
            self.watched = Watched::default();
            return;
        }
        let watch = self.machine.apart(move |machine: &Machine| machine.watch_files(&read)).await;
        let watched = match watch.and_then(std::convert::identity) {
            Ok(watch) => self.watched.replace(watch),
            Err(error) => Err(error),
        };
        if let Err(error) = watched {
            warn!(%error, "the files of the configuration cannot be watched: use \"margay reload\"");
        }
    }

    /// Reads files that have changed.
    pub(super) async fn read_changed_files(&mut self) {
        let (loaded, read) = self.read_config_apart(Strictness::LeaveOut).await;
        if loaded.as_ref().is_ok_and(|loaded| self.is_in_force(loaded)) {
            debug!("the files of the configuration were touched, and say the same");
            self.watch_files(read).await;
            return;
        }
        info!("the files of the configuration have changed");
        let report = self.apply_reading(loaded, read, None).await;
        log_refusal(&report);
    }
}

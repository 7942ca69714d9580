//! The status of this program, shared with the server that shows it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use margay_control::{ConfdStatus, Publication, PublicationResult};

use crate::daemon::Reload;
use crate::publisher::Outcome;

/// What an outcome means to operators; `None` for a text that was in the file already.
pub(crate) fn publication_of(outcome: &Outcome) -> Option<Publication> {
    let (result, details) = match outcome {
        Outcome::Unchanged => return None,
        Outcome::Published(Reload::Done { needs_restart }) if needs_restart.is_empty() => {
            (PublicationResult::Reloaded, Vec::new())
        }
        Outcome::Published(Reload::Done { needs_restart }) => {
            (PublicationResult::NeedsRestart, needs_restart.clone())
        }
        Outcome::Published(Reload::Absent(why)) => (PublicationResult::DaemonAbsent, vec![why.clone()]),
        Outcome::Published(Reload::Refused(why)) => (PublicationResult::Refused, vec![why.clone()]),
        Outcome::Wrong(errors) => (PublicationResult::CheckFailed, errors.clone()),
        Outcome::PutBack(why) => (PublicationResult::PutBack, vec![why.clone()]),
        Outcome::Unwritten(why) => (PublicationResult::NotWritten, vec![why.clone()]),
    };
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Some(Publication { time, result, details })
}

/// The status as it is now, for the program that writes it and the server that shows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedStatus(Arc<Mutex<ConfdStatus>>);

impl SharedStatus {
    pub(crate) fn update(&self, change: impl FnOnce(&mut ConfdStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn get(&self) -> ConfdStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

//! What can go wrong between a client and the store.

use std::io;
use std::path::PathBuf;

use tonic::{Code, Status};

/// Why a call brought nothing, by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum DatastoreError {
    /// The options name no member, or something that is not a URL. Nothing was sent.
    #[error("{0}")]
    Options(String),
    /// A file with a certificate or key cannot be read. Nothing was sent.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The store does not let this user do it, or does not know the user.
    #[error("permission denied: {0}")]
    Denied(String),
    /// The member did not carry the request out: it was not to be reached, or has no leader.
    #[error("{0}")]
    Refused(String),
    /// The store has no space. It may have carried the request out all the same, since members look at their space once more
    /// after they have written.
    #[error("{0}")]
    Full(String),
    /// There was no answer: the request may have been carried out, or may still be.
    #[error("no answer: {0}")]
    Unanswered(String),
    /// The revision that was asked for has been compacted.
    #[error("the revision has been compacted")]
    Compacted,
    /// The answer is larger than [`DatastoreOptions::answer_octets`](crate::DatastoreOptions::answer_octets).
    #[error("the answer is too large")]
    TooLarge,
}

impl DatastoreError {
    /// What a member's answer means.
    pub(crate) fn of_status(status: &Status) -> Self {
        let message = status.message();
        let text = || if message.is_empty() { format!("{:?}", status.code()) } else { message.to_owned() };
        match status.code() {
            Code::OutOfRange if message.contains("compacted") => Self::Compacted,
            Code::OutOfRange => Self::TooLarge,
            Code::PermissionDenied | Code::Unauthenticated => Self::Denied(text()),
            // Of what etcd calls unavailable, only a missing leader is certain to have prevented the request; a change of leader
            // or a time-out is not.
            Code::Unavailable if message.ends_with("no leader") => Self::Refused(text()),
            Code::ResourceExhausted if message.contains("space exceeded") => Self::Full(text()),
            // Without etcd's name it is the connection that is exhausted, after the request was sent.
            Code::ResourceExhausted if message.starts_with("etcdserver: ") => Self::Refused(text()),
            Code::FailedPrecondition | Code::InvalidArgument | Code::NotFound | Code::Unimplemented => {
                Self::Refused(text())
            }
            _ => Self::Unanswered(text()),
        }
    }

    /// True when another member may do better.
    pub(crate) fn is_of_the_member(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Unanswered(_))
    }

    /// True when a token has expired, and a new one may do.
    pub(crate) fn asks_for_a_new_token(status: &Status) -> bool {
        // The names of etcd's errors: the token is unknown, or users have changed since it was given.
        status.message().contains("invalid auth token")
            || status.message().contains("revision of auth store is old")
    }
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};

    use super::DatastoreError;

    #[test]
    fn only_what_certainly_did_not_happen_is_refused() {
        let cases = [
            (Code::Unavailable, "etcdserver: no leader", "refused"),
            (Code::Unavailable, "etcdserver: request timed out", "unanswered"),
            (Code::Unavailable, "etcdserver: leader changed", "unanswered"),
            (Code::DeadlineExceeded, "", "unanswered"),
            (Code::Cancelled, "Timeout expired", "unanswered"),
            (Code::Unknown, "h2 protocol error", "unanswered"),
            (Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded", "full"),
            (Code::ResourceExhausted, "etcdserver: too many requests", "refused"),
            (Code::ResourceExhausted, "h2 protocol error: enhance your calm", "unanswered"),
            (Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted", "compacted"),
            (Code::OutOfRange, "Error, decoded message length too large: found 5", "too large"),
            (Code::PermissionDenied, "etcdserver: permission denied", "denied"),
            (Code::Unauthenticated, "etcdserver: invalid auth token", "denied"),
        ];
        for (code, message, expected) in cases {
            let kind = match DatastoreError::of_status(&Status::new(code, message)) {
                DatastoreError::Options(_) | DatastoreError::File { .. } => "options",
                DatastoreError::Denied(_) => "denied",
                DatastoreError::Refused(_) => "refused",
                DatastoreError::Full(_) => "full",
                DatastoreError::Unanswered(_) => "unanswered",
                DatastoreError::Compacted => "compacted",
                DatastoreError::TooLarge => "too large",
            };
            assert_eq!(kind, expected, "{code:?} {message}");
        }
    }
}

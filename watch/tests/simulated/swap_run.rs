//! Swaps against one key of a store that loses requests and replies, and that others write to.

use bytes::Bytes;
use margay_watch::{
    Current, Expected, Revision, Stamp, Swap, SwapOptions, SwapOutcome, SwapReply, SwapRequest, SwapStep,
};

/// Runs one swap after the other, and checks what each says of itself.
///
/// A step is what happens to the next request (it arrives; it is lost; its reply is lost; it arrives late; it is carried out, or not,
/// and answered with a want of space) and what others do before it.
pub(crate) fn swap_history(steps: &[(u8, u8)]) {
    let mut store = OneKey::default();
    let mut steps = steps.iter().copied();
    let mut number = 0;
    while let Some(kind) = steps.next() {
        number += 1;
        let value = (kind.0 != 2).then(|| Bytes::from(format!("own {number}")));
        let expected = store.current.as_ref().map_or(Expected::Absent, |current| Expected::At(current.stamp));
        let options = SwapOptions { attempts: 6, ..SwapOptions::default() };
        let mut swap = Swap::new(expected, value.clone(), &options);
        let mut written = None;
        let mut late = false;
        let outcome = loop {
            let request = match swap.step() {
                SwapStep::Done(outcome) => break outcome.clone(),
                SwapStep::Wait(_) => {
                    swap.handle_waited();
                    continue;
                }
                SwapStep::Send(request) => *request,
            };
            let (others, fate) = steps.next().unwrap_or((0, 0));
            store.let_others_write(others);
            if late {
                // A request whose sender gave up arrives now.
                written = store.write(expected, value.as_ref()).or(written);
                late = false;
            }
            let reply = match (request, fate) {
                (_, 1) => SwapReply::Unknown("lost".to_owned()),
                (SwapRequest::Write, 2) => {
                    written = store.write(expected, value.as_ref()).or(written);
                    SwapReply::Unknown("reply lost".to_owned())
                }
                (SwapRequest::Write, 3) => {
                    late = true;
                    SwapReply::Unknown("late".to_owned())
                }
                (SwapRequest::Write, 4) => {
                    written = store.write(expected, value.as_ref()).or(written);
                    SwapReply::Full("noticed afterwards".to_owned())
                }
                (SwapRequest::Write, 5) => SwapReply::Full("noticed before".to_owned()),
                (SwapRequest::Write, _) => match store.write(expected, value.as_ref()) {
                    Some(revision) => {
                        written = Some(revision);
                        SwapReply::Written(revision)
                    }
                    None => SwapReply::Found(store.current.clone()),
                },
                (SwapRequest::Read, _) => SwapReply::Found(store.current.clone()),
            };
            swap.handle_reply(reply, 0);
        };
        check(&outcome, expected, written, late, value.as_ref(), &store);
    }
}

fn check(
    outcome: &SwapOutcome,
    expected: Expected,
    written: Option<Revision>,
    late: bool,
    value: Option<&Bytes>,
    store: &OneKey,
) {
    match outcome {
        SwapOutcome::Written(revision) => {
            // A deletion that another made first is as good as an own one.
            assert!(written.is_some() || value.is_none(), "{outcome:?} without a write");
            assert!(written == Some(*revision) || value.is_none());
        }
        SwapOutcome::Conflict(found) => {
            assert_eq!((written, late), (None, late), "a conflict after a write");
            assert_eq!(*found, store.current);
            assert!(!late || found.is_some(), "the late write may still succeed");
        }
        SwapOutcome::Overtaken(found) => assert_eq!(*found, store.current),
        SwapOutcome::Refused(_) => {
            assert!(!late, "the late write may still succeed");
            let is_own = |current: &Current| value.is_some_and(|value| current.value == *value);
            assert!(!store.current.as_ref().is_some_and(is_own), "refused and written");
            // Of a creation it cannot be known whether another writer has deleted what was created.
            assert!(written.is_none() || expected == Expected::Absent, "refused and written");
        }
        SwapOutcome::Unknown(_) => (),
    }
}

#[derive(Default)]
struct OneKey {
    revision: u64,
    current: Option<Current>,
}

impl OneKey {
    fn write(&mut self, expected: Expected, value: Option<&Bytes>) -> Option<Revision> {
        let matches = match expected {
            Expected::Absent => self.current.is_none(),
            Expected::At(stamp) => self.current.as_ref().is_some_and(|current| current.stamp == stamp),
        };
        matches.then(|| self.set(value.cloned()))
    }

    fn set(&mut self, value: Option<Bytes>) -> Revision {
        self.revision += 1;
        let revision = Revision(self.revision);
        let (created, version) = self
            .current
            .as_ref()
            .map_or((revision, 1), |current| (current.stamp.created, current.stamp.version + 1));
        self.current = value.map(|value| Current { value, stamp: Stamp { revision, created, version } });
        revision
    }

    fn let_others_write(&mut self, kind: u8) {
        match kind {
            1 => {
                self.set(Some(Bytes::from(format!("other {}", self.revision))));
            }
            2 if self.current.is_some() => {
                self.set(None);
            }
            _ => (),
        }
    }
}

//! The kernel's answers to a batch, for every kind of refusal. These tests use no kernel.

use margay_forwarding::Discard;

use super::{blackhole, options, prefix, unwanted, wanted};
use crate::{
    FibStatus,
    mirror::Mirror,
    netlink::{Batch, Refusal, Request, RouteRequest},
};

/// ENOMEM, ENODEV and ENETUNREACH, as rows of number and words.
const ERRORS: [(i32, &str); 3] = [
    (12, "Cannot allocate memory (os error 12)"),
    (19, "No such device (os error 19)"),
    (101, "Network is unreachable (os error 101)"),
];

#[test]
fn a_refused_installation_affects_no_other_and_is_requested_again() {
    for (errno, words) in ERRORS {
        let mut mirror = Mirror::new(options());
        mirror.want(&["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"].map(|text| wanted(text, blackhole())));
        let batch = ask(&mut mirror, 3);
        mirror.on_answers(&batch, &[refusal(&batch, 1, errno)]);
        let status = mirror.view().status();
        assert_eq!(counts(&status), (3, 2, 1, 0), "{words}");
        assert_eq!(
            (status.failures[0].prefix, status.failures[0].reason.as_str()),
            (prefix("10.2.0.0/16"), words)
        );
        assert_eq!(
            mirror
                .failures
                .poll_unreported()
                .map(|(id, reason)| (mirror.entries.get(id).prefix, reason.to_owned())),
            Some((prefix("10.2.0.0/16"), words.to_owned()))
        );
        ask(&mut mirror, 0);
        assert!(mirror.failures.take_refusal(), "it will be tried again");
        mirror.retry();
        let batch = ask(&mut mirror, 1);
        mirror.on_answers(&batch, &[]);
        assert_eq!(counts(&mirror.view().status()), (3, 3, 0, 0), "{words}");
    }
}

#[test]
fn a_refused_replacement_removes_the_outdated_route_only() {
    for (errno, words) in ERRORS {
        let mut mirror = Mirror::new(options());
        mirror.want(&["10.1.0.0/16", "10.2.0.0/16"].map(|text| wanted(text, blackhole())));
        let batch = ask(&mut mirror, 2);
        mirror.on_answers(&batch, &[]);
        let other = margay_forwarding::Forwarding::discard(Discard::Unreachable);
        mirror.want(&["10.1.0.0/16", "10.2.0.0/16"].map(|text| wanted(text, other.clone())));
        let batch = ask(&mut mirror, 2);
        mirror.on_answers(&batch, &[refusal(&batch, 0, errno)]);
        let batch = ask(&mut mirror, 1);
        assert!(matches!(batch.requests(), [Request::Route(_, RouteRequest::Remove { .. })]), "{words}");
        mirror.on_answers(&batch, &[]);
        assert_eq!(counts(&mirror.view().status()), (2, 1, 1, 0), "{words}");
    }
}

#[test]
fn a_refused_removal_is_requested_again() {
    for (errno, words) in ERRORS {
        let mut mirror = Mirror::new(options());
        mirror.want(&[wanted("10.1.0.0/16", blackhole())]);
        let batch = ask(&mut mirror, 1);
        mirror.on_answers(&batch, &[]);
        mirror.want(&[unwanted("10.1.0.0/16")]);
        let batch = ask(&mut mirror, 1);
        mirror.on_answers(&batch, &[refusal(&batch, 0, errno)]);
        assert_eq!(mirror.view().status().failed, 1, "{words}");
        mirror.retry();
        let batch = ask(&mut mirror, 1);
        mirror.on_answers(&batch, &[]);
        mirror.untouch();
        assert_eq!(mirror.entries.iter().count(), 0, "nothing is left: {words}");
    }
}

/// The planned batch, which must have this number of requests.
#[track_caller]
fn ask(mirror: &mut Mirror, count: usize) -> Batch {
    let mut batch = Batch::new(7);
    mirror.plan_batch(&mut batch, 1000);
    assert_eq!(batch.requests().len(), count, "{:?}", batch.requests());
    batch
}

fn refusal(batch: &Batch, position: u32, errno: i32) -> Refusal {
    let count = u32::try_from(batch.requests().len()).unwrap();
    let sequence = batch.last_sequence() + 1 - count + position;
    Refusal { sequence, errno, explanation: None }
}

fn counts(status: &FibStatus) -> (usize, usize, usize, usize) {
    (status.wanted, status.installed, status.failed, status.pending)
}

//! What becomes of a connection that several endpoints judge.

use margay_policy::{Judgement, Outcome};

/// Whether each endpoint that has a say allows the connection.
pub(super) fn is_allowed(judgements: &[Judgement]) -> bool {
    judgements.iter().all(|judgement| judgement.verdict.outcome == Outcome::Allow)
}

//! Route filters: match, act, and the reason for each verdict.

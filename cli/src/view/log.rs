//! `margay log`.

use margay_control::LogState;

use super::{fact, listed};

/// What is logged, and what was lost.
pub(crate) fn log(state: &LogState) -> String {
    let filter = if state.filter == state.configured {
        state.filter.clone()
    } else {
        format!("{} (the file says {})", state.filter, state.configured)
    };
    fact("level", filter)
        + &fact("debugged peers", listed(&state.debugged_peers))
        + &fact("lines lost", format!("{} dropped, {} limited", state.lines_dropped, state.lines_limited))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_differs_from_the_file() {
        let state = LogState {
            filter: "debug".to_owned(),
            configured: "info".to_owned(),
            debugged_peers: vec!["tor1".to_owned(), "tor2".to_owned()],
            lines_dropped: 3,
            lines_limited: 0,
        };
        assert_eq!(
            log(&state),
            "level               debug (the file says info)\n\
             debugged peers      tor1, tor2\n\
             lines lost          3 dropped, 0 limited\n"
        );
        let state =
            LogState { filter: "info".to_owned(), configured: "info".to_owned(), ..LogState::default() };
        assert!(log(&state).starts_with("level               info\ndebugged peers      -\n"));
    }
}

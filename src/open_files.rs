//! How many files the process may have open: a socket or two for each peer.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the limit as far as the system allows: the soft limit of 1,024 that shells and service managers give is for
/// programs that use `select`, and is less than a reflector has clients.
///
/// # Errors
///
/// What the system says; the limit stays as it was.
pub fn raise_limit() -> std::io::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_files_as_the_hard_limit_allows() {
        raise_limit().unwrap();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}

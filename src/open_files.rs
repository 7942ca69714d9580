//! The limit of open files: each peer needs a socket or two.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the limit as far as the system allows: the soft limit of 1,024 that shells and service managers set
/// is for programs that use `select`, and too low for the clients of a reflector.
///
/// # Errors
///
/// An error of the system; the limit is unchanged.
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

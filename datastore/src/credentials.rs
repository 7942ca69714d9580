//! A name and a password.

use std::fmt;

/// A name and a password; the password is never printed.
#[derive(Clone, Eq, PartialEq)]
pub struct Credentials {
    /// The name of the user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Credentials;

    #[test]
    fn the_password_is_not_printed() {
        let credentials = Credentials { user: "confd".to_owned(), password: "s3cret".to_owned() };
        assert_eq!(format!("{credentials:?}"), "Credentials { user: \"confd\", .. }");
    }
}

//! Passwords: files of a secrets folder, known by path and never by content.

use std::collections::BTreeSet;

use margay_cluster::object::BgpPassword;

/// Which passwords there are.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Secrets {
    /// The folder with a folder for each secret, in which each key is a file.
    pub folder: String,
    /// Secret and key of each file.
    pub files: BTreeSet<(String, String)>,
}

/// The file with a password.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct PasswordFile {
    /// The secret.
    pub secret: String,
    /// The key in it.
    pub key: String,
    /// The path.
    pub path: String,
}

impl Secrets {
    /// The file that a password is in.
    ///
    /// # Errors
    ///
    /// Why there is none, to be said of the object that asks for it.
    pub(crate) fn find(&self, password: &BgpPassword) -> Result<Option<PasswordFile>, String> {
        let Some(reference) = &password.secret_key_ref else { return Ok(None) };
        let (secret, key) = (&reference.name, &reference.key);
        // The names become a path, so they must not lead out of the folder.
        if ![secret, key].into_iter().all(|part| is_file_name(part)) {
            return Err(format!(
                "the password {secret:?} {key:?} does not name a file of the secrets folder"
            ));
        }
        if !self.files.contains(&(secret.clone(), key.clone())) {
            return Err(format!(
                "the password {secret}/{key} is not in the secrets folder: the session has none"
            ));
        }
        let path = format!("{}/{secret}/{key}", self.folder);
        Ok(Some(PasswordFile { secret: secret.clone(), key: key.clone(), path }))
    }
}

fn is_file_name(text: &str) -> bool {
    !text.is_empty() && text != "." && text != ".." && !text.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use margay_cluster::object::{BgpPassword, SecretKeyReference};

    use super::Secrets;

    fn find(secret: &str, key: &str) -> Result<String, String> {
        let files = [("bgp".to_owned(), "tor".to_owned()), ("..".to_owned(), "shadow".to_owned())].into();
        let secrets = Secrets { folder: "/etc/margay/secrets".to_owned(), files };
        let reference = SecretKeyReference {
            name: secret.to_owned(),
            key: key.to_owned(),
            optional: None,
            local_object_reference: None,
        };
        let password = BgpPassword { secret_key_ref: Some(reference) };
        secrets.find(&password).map(|file| file.map_or_else(String::new, |file| file.path))
    }

    #[test]
    fn a_password_is_a_file_of_the_folder_and_of_no_other() {
        assert_eq!(find("bgp", "tor"), Ok("/etc/margay/secrets/bgp/tor".to_owned()));
        for (secret, key) in
            [("bgp", "other"), ("..", "shadow"), ("bgp", "../../shadow"), ("", "tor"), ("bgp", ".")]
        {
            assert!(find(secret, key).is_err(), "{secret} {key}");
        }
    }
}

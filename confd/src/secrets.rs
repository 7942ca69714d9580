//! The folder of passwords: which there are, and whether one is another than before.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use margay_render::Secrets;

/// What the folder holds. Contents are not read: files are known by their sizes and times.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct SecretsFolder {
    pub(crate) secrets: Secrets,
    /// Of each file: secret, key, size, and when it was written.
    states: BTreeSet<(String, String, u64, Option<SystemTime>)>,
}

impl SecretsFolder {
    /// Looks at the folder; one that does not exist holds nothing.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut found = Self::default();
        found.secrets.folder = folder.display().to_string();
        for secret in names(folder) {
            for key in names(&folder.join(&secret)) {
                // Links are followed, since that is how Kubernetes mounts secrets.
                let Ok(metadata) = fs::metadata(folder.join(&secret).join(&key)) else { continue };
                if metadata.is_file() {
                    found.secrets.files.insert((secret.clone(), key.clone()));
                    found.states.insert((secret.clone(), key, metadata.len(), metadata.modified().ok()));
                }
            }
        }
        found
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::SecretsFolder;

    #[test]
    fn a_password_that_changes_is_noticed_and_not_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(SecretsFolder::read(&folder.path().join("none")).secrets.files.len(), 0);
        fs::create_dir(folder.path().join("bgp")).unwrap();
        fs::write(folder.path().join("bgp/tor"), "one").unwrap();
        let first = SecretsFolder::read(folder.path());
        assert!(first.secrets.files.contains(&("bgp".to_owned(), "tor".to_owned())));
        fs::write(folder.path().join("bgp/tor"), "another").unwrap();
        let second = SecretsFolder::read(folder.path());
        assert_eq!(first.secrets, second.secrets);
        assert_ne!(first, second);
        assert!(!format!("{second:?}").contains("another"));
    }
}

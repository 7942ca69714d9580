//! Where the datastore is: what was typed, the environment, and a file of the user.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use margay_datastore::{Credentials, DatastoreOptions, TlsFiles};
use serde::Deserialize;

use crate::arguments::objects::ConnectionArguments;
use crate::object_error::ObjectError;

/// Variables of the environment, those of Calico's tools among them.
#[derive(Debug, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Those of this process.
    pub(crate) fn of_process() -> Self {
        let is_text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(is_text).collect())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|value| !value.is_empty()).cloned()
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }
}

/// `datastore.toml` in `~/.config/margay`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserFile {
    endpoints: Option<Vec<String>>,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    user: Option<String>,
    password_file: Option<PathBuf>,
}

/// How the datastore is reached.
pub(crate) fn options(
    typed: &ConnectionArguments,
    environment: &Environment,
) -> Result<DatastoreOptions, ObjectError> {
    let file = user_file(environment)?;
    let listed = |text: String| text.split(',').map(|url| url.trim().to_owned()).collect::<Vec<_>>();
    let endpoints = typed
        .server
        .clone()
        .or_else(|| environment.text("ETCD_ENDPOINTS"))
        .map(listed)
        .or(file.endpoints)
        .unwrap_or_else(|| vec![DEFAULT_ENDPOINT.to_owned()]);
    let mut options = DatastoreOptions::new(endpoints);
    let path = |typed: &Option<PathBuf>, variable: &str, file: Option<PathBuf>| {
        typed.clone().or_else(|| environment.path(variable)).or(file)
    };
    let ca = path(&typed.ca, "ETCD_CA_CERT_FILE", file.ca);
    let cert = path(&typed.cert, "ETCD_CERT_FILE", file.cert);
    let key = path(&typed.key, "ETCD_KEY_FILE", file.key);
    let identity = match (cert, key) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        _ => {
            return Err(ObjectError::Usage(
                "a certificate needs its key, and a key its certificate".to_owned(),
            ));
        }
    };
    options.tls = match (ca, identity) {
        (Some(authority), identity) => Some(TlsFiles { authority, identity, server_name: None }),
        (None, None) => None,
        (None, Some(_)) => {
            return Err(ObjectError::Usage(
                "a certificate needs the authority of the members' (--ca)".to_owned(),
            ));
        }
    };
    let user = typed.user.clone().or_else(|| environment.text("ETCD_USERNAME")).or(file.user);
    let password_file = path(&typed.password_file, "ETCD_PASSWORD_FILE", file.password_file);
    if let Some(user) = user {
        let password = password(environment, password_file.as_deref())?;
        options.credentials = Some(Credentials { user, password });
    }
    Ok(options)
}

fn password(environment: &Environment, file: Option<&Path>) -> Result<String, ObjectError> {
    match (environment.text("ETCD_PASSWORD"), file) {
        (_, Some(file)) => Ok(read(file)?.trim_end_matches(['\r', '\n']).to_owned()),
        (Some(password), None) => Ok(password),
        (None, None) => {
            Err(ObjectError::Usage("a user needs a password: ETCD_PASSWORD or --password-file".to_owned()))
        }
    }
}

fn user_file(environment: &Environment) -> Result<UserFile, ObjectError> {
    let folder = environment
        .path("XDG_CONFIG_HOME")
        .or_else(|| environment.path("HOME").map(|home| home.join(".config")));
    let Some(file) = folder.map(|folder| folder.join("margay/datastore.toml")) else {
        return Ok(UserFile::default());
    };
    if !file.exists() {
        return Ok(UserFile::default());
    }
    toml::from_str(&read(&file)?)
        .map_err(|error| ObjectError::Usage(format!("{}: {}", file.display(), error.to_string().trim_end())))
}

fn read(file: &Path) -> Result<String, ObjectError> {
    fs::read_to_string(file).map_err(|error| ObjectError::File { file: file.to_owned(), error })
}

const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:2379";

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(rows: &[(&str, &str)]) -> Environment {
        Environment(rows.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn what_is_typed_goes_before_the_environment_and_that_before_the_file() {
        let folder = std::env::temp_dir().join(format!("margay-connection-{}", std::process::id()));
        fs::create_dir_all(folder.join("margay")).unwrap();
        fs::write(folder.join("margay/datastore.toml"), "endpoints = [\"http://file:1\"]\nca = \"/ca\"\n")
            .unwrap();
        let folder_text = folder.display().to_string();
        let typed = ConnectionArguments {
            server: Some("http://typed:1, http://typed:2".into()),
            ..Default::default()
        };
        let both = environment(&[("ETCD_ENDPOINTS", "http://variable:1"), ("XDG_CONFIG_HOME", &folder_text)]);
        let file = environment(&[("XDG_CONFIG_HOME", &folder_text)]);
        let rows = [
            (&typed, &both, vec!["http://typed:1", "http://typed:2"]),
            (&ConnectionArguments::default(), &both, vec!["http://variable:1"]),
            (&ConnectionArguments::default(), &file, vec!["http://file:1"]),
        ];
        for (typed, environment, expected) in rows {
            let options = options(typed, environment).unwrap();
            assert_eq!(options.endpoints, expected);
            assert_eq!(options.tls.unwrap().authority, Path::new("/ca"));
        }
        fs::remove_dir_all(folder).unwrap();
        let nothing = options(&ConnectionArguments::default(), &environment(&[])).unwrap();
        assert_eq!(nothing.endpoints, [DEFAULT_ENDPOINT]);
    }

    #[test]
    fn halves_are_refused() {
        let rows: [(&[(&str, &str)], &str); 3] = [
            (&[("ETCD_CERT_FILE", "/c")], "needs its key"),
            (&[("ETCD_CERT_FILE", "/c"), ("ETCD_KEY_FILE", "/k")], "--ca"),
            (&[("ETCD_USERNAME", "u")], "password"),
        ];
        for (variables, expected) in rows {
            let error = options(&ConnectionArguments::default(), &environment(variables)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}

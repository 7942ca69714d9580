//! What a file is made from: `conf.d/NAME.toml`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use nix::unistd::{Group, User};
use serde::Deserialize;

use crate::staged_file::Owner;

/// The description of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Description {
    /// The name of the file with the description.
    pub(super) name: String,
    /// The file with the template.
    pub(super) src: PathBuf,
    /// The file that is made.
    pub(super) dest: PathBuf,
    /// What all keys begin with; the template does not see it.
    pub(super) prefix: String,
    /// What the keys that the template needs begin with, after the prefix.
    pub(super) keys: Vec<String>,
    /// The permissions of the file.
    pub(super) mode: u32,
    /// User and group of the file, when they are not those of this program.
    pub(super) owner: Option<Owner>,
    /// A command of the shell that checks the file before it takes its place; `{{src}}` is the file.
    pub(super) check: Option<String>,
    /// A command of the shell that has the file read again.
    pub(super) reload: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DescriptionFile {
    template: TemplateTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateTable {
    src: PathBuf,
    dest: PathBuf,
    #[serde(default)]
    prefix: String,
    keys: Vec<String>,
    #[serde(default = "default_mode")]
    mode: String,
    owner: Option<String>,
    check_cmd: Option<String>,
    reload_cmd: Option<String>,
}

fn default_mode() -> String {
    "0644".to_owned()
}

/// All descriptions of a folder, sorted by name.
pub(super) fn read_all(folder: &Path) -> Result<Vec<Description>> {
    let Ok(entries) = fs::read_dir(folder.join("conf.d")) else { return Ok(Vec::new()) };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        parse(&name, &text, folder).with_context(|| path.display().to_string())
    };
    paths.iter().map(read).collect()
}

fn parse(name: &str, text: &str, folder: &Path) -> Result<Description> {
    let table = toml::from_str::<DescriptionFile>(text)?.template;
    ensure!(table.dest.is_absolute(), "dest {} is not an absolute path", table.dest.display());
    ensure!(!table.keys.is_empty(), "keys is empty: the file would never change");
    let mode = u32::from_str_radix(&table.mode, 8).ok().filter(|mode| *mode <= 0o7777);
    let Some(mode) = mode else { bail!("mode {:?} is not an octal number such as 0644", table.mode) };
    Ok(Description {
        name: name.to_owned(),
        src: folder.join("templates").join(table.src),
        dest: table.dest,
        prefix: table.prefix,
        keys: table.keys,
        mode,
        owner: table.owner.as_deref().map(owner_of).transpose()?,
        check: table.check_cmd,
        reload: table.reload_cmd,
    })
}

/// `USER`, `USER:GROUP` or `:GROUP`, by name or number.
fn owner_of(text: &str) -> Result<Owner> {
    let (user, group) = text.split_once(':').unwrap_or((text, ""));
    let user = given(user, |name| Ok(User::from_name(name)?.map(|user| user.uid.as_raw())));
    let group = given(group, |name| Ok(Group::from_name(name)?.map(|group| group.gid.as_raw())));
    Ok(Owner { user: user?, group: group? })
}

fn given(text: &str, find: impl FnOnce(&str) -> Result<Option<u32>>) -> Result<Option<u32>> {
    if text.is_empty() {
        return Ok(None);
    }
    if let Ok(number) = text.parse() {
        return Ok(Some(number));
    }
    find(text)?.map(Some).with_context(|| format!("owner: there is no {text:?} on this system"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Owner, parse};

    const TEXT: &str = r#"
[template]
src = "hosts.j2"
dest = "/etc/hosts.cluster"
prefix = "/calico"
keys = ["/resources/v3/projectcalico.org/nodes/"]
mode = "0600"
owner = "root:12"
check_cmd = "test -s {{src}}"
"#;

    #[test]
    fn a_description_is_read_and_what_is_wrong_is_said() {
        let description = parse("hosts.toml", TEXT, Path::new("/etc/margay/confd")).unwrap();
        assert_eq!(description.src, Path::new("/etc/margay/confd/templates/hosts.j2"));
        assert_eq!(description.mode, 0o600);
        assert_eq!(description.owner, Some(Owner { user: Some(0), group: Some(12) }));
        for (from, to, expected) in [
            ("0600", "0800", "is not an octal number"),
            ("/etc/hosts.cluster", "hosts.cluster", "is not an absolute path"),
            ("root:12", "no-such-user", "there is no \"no-such-user\""),
            ("check_cmd", "check_command", "unknown field `check_command`"),
            ("[\"/resources/v3/projectcalico.org/nodes/\"]", "[]", "keys is empty"),
        ] {
            let error = parse("hosts.toml", &TEXT.replace(from, to), Path::new("/")).unwrap_err();
            assert!(format!("{error:#}").contains(expected), "{error:#}");
        }
    }
}

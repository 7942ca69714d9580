//! From paths to the folders and names by which they are found.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::files_read::{FilesRead, Names};

/// The folders to watch, with the names that matter in each.
pub(super) fn of(read: &FilesRead) -> BTreeMap<PathBuf, Names> {
    let mut names = BTreeMap::new();
    for file in &read.files {
        follow(file, &mut names);
    }
    for folder in &read.folders {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let end = follow(folder, &mut names);
        names.entry(end).or_default().all = true;
    }
    names
}

/// Adds the names on the way to a path, also those of links. Returns where it ends.
fn follow(path: &Path, names: &mut BTreeMap<PathBuf, Names>) -> PathBuf {
    let mut here = PathBuf::from(".");
    let mut left: VecDeque<OsString> = parts(path).collect();
    let mut links = 0;
    while let Some(part) = left.pop_front() {
        if part == "/" || part == ".." || part == "." {
            here.push(&part);
            continue;
        }
        names.entry(here.clone()).or_default().exact.insert(part.clone());
        match fs::read_link(here.join(&part)) {
            Ok(target) if links < MAX_LINKS => {
                links += 1;
                for part in parts(&target).collect::<Vec<_>>().into_iter().rev() {
                    left.push_front(part);
                }
            }
            _ => here.push(&part),
        }
    }
    here
}

fn parts(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().map(|component: Component<'_>| component.as_os_str().to_owned())
}

/// The kernel does not follow more, either.
const MAX_LINKS: usize = 40;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder that is removed in the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("margay-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path.canonicalize().unwrap())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn watched(names: &BTreeMap<PathBuf, Names>, folder: &Path) -> Vec<String> {
        let names = names.get(folder).cloned().unwrap_or_default();
        names.exact.into_iter().map(|name| name.to_string_lossy().into_owned()).collect()
    }

    /// As the kubelet lays out a ConfigMap: a link to a link to a folder, which is replaced as a whole.
    #[test]
    fn each_link_on_the_way_is_watched_where_it_stands() {
        let folder = Folder::new("names");
        let root = &folder.0;
        fs::create_dir(root.join("..1")).unwrap();
        fs::write(root.join("..1/margay.toml"), "").unwrap();
        symlink("..1", root.join("..data")).unwrap();
        symlink("..data/margay.toml", root.join("margay.toml")).unwrap();
        let read = FilesRead { files: [root.join("margay.toml")].into(), ..FilesRead::default() };
        let names = of(&read);
        assert_eq!(watched(&names, root), ["..1", "..data", "margay.toml"]);
        assert_eq!(watched(&names, &root.join("..1")), ["margay.toml"]);
        let above = root.parent().unwrap();
        assert_eq!(watched(&names, above), [root.file_name().unwrap().to_string_lossy()]);
    }

    #[test]
    fn what_is_not_there_is_watched_for_from_above_and_circles_end() {
        let folder = Folder::new("absent");
        let root = &folder.0;
        symlink("b", root.join("a")).unwrap();
        symlink("a", root.join("b")).unwrap();
        let folders = [root.join("conf.d")].into();
        let files = [root.join("a"), PathBuf::from("margay.toml")].into();
        let names = of(&FilesRead { files, folders });
        assert_eq!(watched(&names, root), ["a", "b", "conf.d"]);
        assert!(names[&root.join("conf.d")].all);
        assert_eq!(watched(&names, Path::new(".")), ["margay.toml"]);
        assert!(names[&root.join("conf.d")].matter(b"new.toml"));
        assert!(!names[&root.join("conf.d")].matter(b".new.toml.swp"));
    }
}

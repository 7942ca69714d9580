//! What each Debian package has: files of this checkout, programs, and their places.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::programs::Programs;
use crate::workspace::Workspace;

/// A Debian package to be made.
pub(super) struct Package {
    pub(super) name: &'static str,
    /// Folder with `control` and the maintainer scripts.
    pub(super) folder: PathBuf,
    pub(super) entries: Vec<Entry>,
    /// Files that belong to the operator once they are installed.
    pub(super) conffiles: &'static [&'static str],
}

/// A file to be installed.
pub(super) struct Entry {
    pub(super) source: Source,
    /// Relative to the root of the system.
    pub(super) place: PathBuf,
}

/// Where a file comes from.
pub(super) enum Source {
    /// A copy, with its mode.
    File(PathBuf, u32),
    /// A symbolic link to another file of the package.
    LinkTo(&'static str),
}

/// The daemon with its command, what keeps its file, and the debug information of both.
pub(super) fn all(workspace: &Workspace, programs: &Programs, bill: &Path) -> Result<Vec<Package>> {
    Ok(vec![margay(workspace, programs, bill), confd(workspace, programs), debug(workspace, programs)?])
}

fn margay(workspace: &Workspace, programs: &Programs, bill: &Path) -> Package {
    let root = &workspace.root;
    let folder = root.join("packaging/margay");
    let mut entries = vec![
        program(&programs.program("margayd"), "usr/sbin/margayd"),
        program(&programs.program("margay"), "usr/bin/margay"),
        // Not in PATH: BIRD's own may be installed.
        Entry { source: Source::LinkTo("../../bin/margay"), place: "usr/lib/margay/birdcl".into() },
        file(&folder.join("margayd.service"), "usr/lib/systemd/system/margayd.service"),
        file(&folder.join("margay.sysusers"), "usr/lib/sysusers.d/margay.conf"),
        file(&folder.join("margay.tmpfiles"), "usr/lib/tmpfiles.d/margay.conf"),
        file(&root.join("packaging/copyright"), "usr/share/doc/margay/copyright"),
        file(bill, "usr/share/doc/margay/margay.cdx.json"),
        file(&root.join("CHANGELOG.md"), "usr/share/doc/margay/CHANGELOG.md"),
        file(&root.join("config/example.toml"), "usr/share/doc/margay/examples/reference.toml"),
    ];
    let pages = ["operating", "filters", "calico", "security"];
    entries.extend(
        pages.map(|page| {
            file(&root.join(format!("docs/{page}.md")), &format!("usr/share/doc/margay/{page}.md"))
        }),
    );
    let examples = ["mesh-node", "node-with-tors", "reflector", "reflectors-with-tors", "route-server"];
    entries.extend(examples.map(|name| {
        let place = format!("usr/share/doc/margay/examples/{name}.toml");
        file(&root.join(format!("examples/{name}.toml")), &place)
    }));
    Package { name: "margay", folder, entries, conffiles: &[] }
}

fn confd(workspace: &Workspace, programs: &Programs) -> Package {
    let root = &workspace.root;
    let folder = root.join("packaging/margay-confd");
    let unit = |name: &str| file(&folder.join(name), &format!("usr/lib/systemd/system/{name}"));
    let entries = vec![
        program(&programs.program("margay-confd"), "usr/sbin/margay-confd"),
        unit("margay-confd.service"),
        unit("margayd.path"),
        file(&folder.join("margay-confd.default"), "etc/default/margay-confd"),
        file(&root.join("packaging/copyright"), "usr/share/doc/margay-confd/copyright"),
    ];
    Package { name: "margay-confd", folder, entries, conffiles: &["/etc/default/margay-confd"] }
}

fn debug(workspace: &Workspace, programs: &Programs) -> Result<Package> {
    let root = &workspace.root;
    let mut entries = vec![file(&root.join("packaging/copyright"), "usr/share/doc/margay-dbg/copyright")];
    for name in Programs::names() {
        let (source, place) = programs.debug_information(name)?;
        entries.push(Entry { source: Source::File(source, READABLE), place });
    }
    Ok(Package { name: "margay-dbg", folder: root.join("packaging/margay-dbg"), entries, conffiles: &[] })
}

fn file(source: &Path, place: &str) -> Entry {
    Entry { source: Source::File(source.to_owned(), READABLE), place: place.into() }
}

fn program(source: &Path, place: &str) -> Entry {
    Entry { source: Source::File(source.to_owned(), 0o755), place: place.into() }
}

/// The mode of a file that is no program.
const READABLE: u32 = 0o644;

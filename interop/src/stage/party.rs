//! A daemon at a place of the segment.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::clock::Clock;
use super::place::Place;
use crate::daemon::{Adapter, Kind, Start};
use crate::engine::Container;
use crate::node::{Family, Node};

/// A daemon, its configuration and its container.
pub(super) struct Party {
    pub(super) kind: Kind,
    pub(super) place: Place,
    pub(super) node: Node,
    image: String,
    /// Its files on this machine.
    folder: PathBuf,
    container: Option<Container>,
}

impl Party {
    pub(super) fn new(kind: Kind, image: String, place: Place, directory: &Path) -> Result<Self> {
        let folder = directory.join(place.name());
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let node = Node {
            asn: place.asn,
            router_id: place.router_id(),
            cluster_id: None,
            addresses: Family::ALL.iter().map(|family| place.address(*family)).collect(),
            networks: Vec::new(),
            peers: Vec::new(),
            range: None,
            kernel: false,
        };
        Ok(Self { kind, place, node, image, folder, container: None })
    }

    pub(super) fn adapter(&self) -> &'static dyn Adapter {
        self.kind.adapter()
    }

    pub(super) fn has_container(&self) -> bool {
        self.container.is_some()
    }

    pub(super) fn container(&self) -> Result<&Container> {
        self.container.as_ref().with_context(|| format!("{} has not been started", self.place.name()))
    }

    /// Makes the container, and returns when the daemon answers.
    pub(super) fn start(&mut self, clock: Clock) -> Result<()> {
        self.write(Start::Fresh)?;
        let command: Vec<String> = self.adapter().command().iter().map(|word| (*word).to_owned()).collect();
        let container = Container::run(&self.image, &self.place.namespace, &self.folder, &command)?;
        self.container = Some(container);
        self.wait(clock)
    }

    /// Starts the daemon in its container again, and returns when it answers.
    pub(super) fn restart(&mut self, start: Start, clock: Clock) -> Result<()> {
        self.write(start)?;
        self.container()?.start()?;
        self.wait(clock)
    }

    /// Makes a container with another kind of daemon in the place of the one that has ended.
    pub(super) fn replace(&mut self, kind: Kind, image: String, clock: Clock) -> Result<()> {
        self.container = None;
        (self.kind, self.image) = (kind, image);
        self.start(clock)
    }

    fn write(&self, start: Start) -> Result<()> {
        for file in self.adapter().files(&self.node, start) {
            let path = self.folder.join(file.name);
            fs::write(&path, file.content).with_context(|| path.display().to_string())?;
            fs::set_permissions(&path, Permissions::from_mode(if file.public { 0o644 } else { 0o600 }))?;
        }
        Ok(())
    }

    fn wait(&self, clock: Clock) -> Result<()> {
        let container = self.container()?;
        let title = self.adapter().title();
        clock.until(&format!("{title} answers"), || match self.adapter().ready(container) {
            Err(error) if !container.runs() => Ok(Err(error.context(format!("{title} has ended")))),
            answer => answer.map(Ok),
        })??;
        self.adapter().after_start(container, &self.node)
    }

    /// Its configuration and the end of its log.
    pub(super) fn report(&self) -> String {
        let mut text = format!("=== {} ({})\n", self.place.name(), self.adapter().title());
        for file in self.adapter().files(&self.node, Start::Fresh) {
            text += &format!("--- {}\n{}", file.name, file.content);
        }
        let log = self.container.as_ref().map(Container::log_tail).unwrap_or_default();
        text + "--- the end of the log\n" + &log
    }
}

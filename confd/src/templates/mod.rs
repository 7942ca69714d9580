//! Files that are made from templates over entries of the datastore, each independent of the others.

mod description;
mod entries;
mod placement;
mod text;

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use margay_control::TemplateStatus;
use margay_datastore::Client;
use tokio::time::Instant;

use self::description::Description;
use self::entries::Entries;
use self::placement::Placement;
use self::text::TemplateText;
use crate::debounce::Debounce;
use crate::status::SharedStatus;

/// The first and the longest interval between attempts after a failure.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A file that is made from a template.
#[derive(Debug)]
pub(crate) struct Template {
    description: Description,
    node: String,
    placement: Placement,
}

/// The templates of a folder: `conf.d/*.toml` describe them, `templates/` has their texts.
///
/// # Errors
///
/// When a description or a template is wrong, or two have one file. A folder that does not exist has none.
pub(crate) fn read_all(folder: &Path, node: &str) -> Result<Vec<Template>> {
    let mut templates: Vec<Template> = Vec::new();
    for description in description::read_all(folder)? {
        if let Some(other) = templates.iter().find(|other| other.description.dest == description.dest) {
            let dest = description.dest.display();
            bail!("{} and {} both have the file {dest}", other.description.name, description.name);
        }
        // A template that does not parse is known at the start, not when the datastore is there.
        TemplateText::read(&description.src)?;
        let placement = Placement::new(&description);
        templates.push(Template { description, node: node.to_owned(), placement });
    }
    Ok(templates)
}

impl Template {
    /// Keeps the file until the program ends.
    pub(crate) async fn keep(mut self, client: Client, status: SharedStatus) {
        let mut entries = Entries::follow(&client, &self.description.prefix, &self.description.keys);
        self.show(&status, Ok(false));
        let mut debounce = Debounce::default();
        let (mut retry_at, mut retry_interval) = (None, RETRY.0);
        loop {
            let due = debounce.due().filter(|_| entries.is_in_sync());
            let due = [due, retry_at].into_iter().flatten().min();
            tokio::select! {
                changed = entries.next() => {
                    if changed {
                        debounce.on_change(Instant::now());
                    }
                }
                () = sleep_until(due) => {
                    debounce.reset();
                    let outcome = self.render(&entries).await;
                    (retry_at, retry_interval) = match &outcome {
                        Ok(_) => (None, RETRY.0),
                        Err(_) => (Some(Instant::now() + retry_interval), (retry_interval * 2).min(RETRY.1)),
                    };
                    self.show(&status, outcome);
                }
            }
        }
    }

    /// Makes the file once; with `is_trial`, only says whether it would change.
    ///
    /// # Errors
    ///
    /// When the datastore is not read in time, or the file cannot be made.
    pub(crate) async fn run_once(mut self, client: &Client, until: Instant, is_trial: bool) -> Result<()> {
        let mut entries = Entries::follow(client, &self.description.prefix, &self.description.keys);
        while !entries.is_in_sync() {
            if tokio::time::timeout_at(until, entries.next()).await.is_err() {
                bail!("{}: the datastore was not read", self.description.name);
            }
        }
        let dest = self.description.dest.display().to_string();
        if is_trial {
            let text = self.text(&entries)?;
            let differs = self.placement.differs(text.as_bytes());
            tracing::info!(file = dest, differs, "rendered");
            return Ok(());
        }
        let changed = self.render(&entries).await?;
        tracing::info!(file = dest, changed, "rendered");
        Ok(())
    }

    async fn render(&mut self, entries: &Entries) -> Result<bool> {
        let text = self.text(entries)?;
        self.placement.place(text.as_bytes()).await
    }

    /// The template is read again each time, so that a corrected one needs no restart.
    fn text(&self, entries: &Entries) -> Result<String> {
        TemplateText::read(&self.description.src)?.render(&self.node, entries.values())
    }

    fn show(&self, status: &SharedStatus, outcome: Result<bool>) {
        let name = &self.description.name;
        let (changed, error) = match outcome {
            Ok(changed) => (changed, None),
            Err(error) => {
                tracing::error!(template = name, "{error:#}");
                (false, Some(format!("{error:#}")))
            }
        };
        status.update(|status| {
            let dest = self.description.dest.display().to_string();
            let known = status.templates.entry(name.clone());
            let template = known.or_insert(TemplateStatus { dest, publications: 0, error: None });
            template.publications += u64::from(changed);
            template.error = error;
        });
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

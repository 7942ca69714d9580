//! The loop: changes come in, a file is rendered and put in place.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use margay_control::ObjectProblem;
use margay_datastore::Client;
use margay_render::{FileSettings, Snapshot, render};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::arguments::Arguments;
use crate::debounce::Debounce;
use crate::objects::Objects;
use crate::publisher::{Outcome, Publisher};
use crate::secrets::SecretsFolder;
use crate::status::{SharedStatus, publication_of};
use crate::templates::Template;
use crate::{endpoints, folders, server, templates};

/// The first and the longest interval between attempts to write a file, or to reload a daemon that does not answer.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Runs until it is asked to end, or once.
///
/// # Errors
///
/// When the options are wrong or, with `--onetime`, the datastore is not read within its time.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let client = Client::new(arguments.datastore()?)?;
    let templates = templates::read_all(&arguments.templates, &arguments.node)?;
    let mut confd = Confd::new(arguments, Objects::follow(&client, &arguments.node)?);
    if arguments.is_once() {
        let until = Instant::now() + arguments.timeout();
        let code = confd.run_once(until).await?;
        let made = make_all(templates, &client, until, arguments.noop).await;
        return Ok(if made { code } else { ExitCode::FAILURE });
    }
    server::serve(&arguments.status, confd.status.clone())
        .with_context(|| arguments.status.display().to_string())?;
    for template in templates {
        tokio::spawn(template.keep(client.clone(), confd.status.clone()));
    }
    confd.run_on().await
}

/// Makes the files of all templates once; returns whether all could be made.
async fn make_all(templates: Vec<Template>, client: &Client, until: Instant, is_trial: bool) -> bool {
    let mut made = true;
    for template in templates {
        if let Err(error) = template.run_once(client, until, is_trial).await {
            tracing::error!("{error:#}");
            made = false;
        }
    }
    made
}

struct Confd<'a> {
    arguments: &'a Arguments,
    objects: Objects,
    snapshot: Snapshot,
    secrets: SecretsFolder,
    file_problems: Vec<String>,
    publisher: Publisher,
    debounce: Debounce,
    status: SharedStatus,
    /// Whether a password is another than when the daemon was reloaded last.
    password_changed: bool,
    retry_at: Option<Instant>,
    retry_interval: Duration,
}

impl<'a> Confd<'a> {
    fn new(arguments: &'a Arguments, objects: Objects) -> Self {
        let status = SharedStatus::default();
        status.update(|status| status.node.clone_from(&arguments.node));
        let snapshot = Snapshot {
            router_id: arguments.router_id.unwrap_or_default(),
            service_routes: arguments.services.clone().unwrap_or_default().0,
            ..Snapshot::default()
        };
        let mut confd = Self {
            arguments,
            objects,
            snapshot,
            secrets: SecretsFolder::default(),
            file_problems: Vec::new(),
            publisher: Publisher::new(&arguments.output, &arguments.control),
            debounce: Debounce::default(),
            status,
            password_changed: false,
            retry_at: None,
            retry_interval: RETRY.0,
        };
        confd.read_folders();
        confd.password_changed = false;
        confd
    }

    async fn run_once(&mut self, until: Instant) -> Result<ExitCode> {
        while !self.objects.is_in_sync() {
            match tokio::time::timeout_at(until, self.objects.next()).await {
                Ok(Some(batch)) => drop(self.objects.take(batch, &mut self.snapshot)),
                Ok(None) => bail!("the datastore is no longer followed"),
                Err(_) => bail!(
                    "the datastore was not read: {}",
                    self.objects.disconnected().unwrap_or("no answer")
                ),
            }
        }
        if self.arguments.noop {
            return self.print();
        }
        let good = self.publish().await;
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn run_on(&mut self) -> Result<ExitCode> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut folders =
            folders::watch(vec![self.arguments.secrets.clone(), self.arguments.endpoint_status.clone()]);
        loop {
            let due = self.due();
            tokio::select! {
                batch = self.objects.next() => {
                    let batch = batch.context("the datastore is no longer followed")?;
                    if self.objects.take(batch, &mut self.snapshot) {
                        self.debounce.on_change(Instant::now());
                    }
                    self.show_datastore();
                }
                Some(()) = folders.recv() => {
                    if self.read_folders() {
                        self.debounce.on_change(Instant::now());
                    }
                }
                () = sleep_until(due) => {
                    self.debounce.reset();
                    self.publish().await;
                }
                _ = terminate.recv() => return Ok(ExitCode::SUCCESS),
                _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
            }
        }
    }

    /// When to render, or to try again to reload. Before everything was read once there is nothing to render.
    fn due(&self) -> Option<Instant> {
        let rendered = self.debounce.due().filter(|_| self.objects.is_in_sync());
        [rendered, self.retry_at].into_iter().flatten().min()
    }

    /// Renders and puts the file in place; returns whether all is well.
    async fn publish(&mut self) -> bool {
        let rendered = render(&self.snapshot, &self.arguments.node, &self.file_settings());
        let (problems, text) = match rendered {
            Ok(rendered) => (rendered.problems, Some(rendered.toml)),
            Err(problems) => (problems, None),
        };
        self.show_problems(&problems);
        let Some(text) = text else {
            // Without a node there is no file. The former one stays: a node does not lose its routes by a deletion elsewhere.
            tracing::warn!(
                "nothing is rendered: {}",
                problems.first().map_or_else(String::new, ToString::to_string)
            );
            return false;
        };
        let outcome = self.publisher.publish(&text, self.password_changed).await;
        self.password_changed = false;
        self.plan_retry(&outcome);
        self.show_outcome(&outcome)
    }

    fn plan_retry(&mut self, outcome: &Outcome) {
        if self.publisher.owes_reload() || matches!(outcome, Outcome::Unwritten(_)) {
            self.retry_at = Some(Instant::now() + self.retry_interval);
            self.retry_interval = (self.retry_interval * 2).min(RETRY.1);
        } else {
            self.retry_at = None;
            self.retry_interval = RETRY.0;
        }
    }

    fn print(&self) -> Result<ExitCode> {
        match render(&self.snapshot, &self.arguments.node, &self.file_settings()) {
            Ok(rendered) => {
                rendered.problems.iter().for_each(|problem| tracing::warn!("{problem}"));
                std::io::stdout().write_all(rendered.toml.as_bytes())?;
                Ok(ExitCode::SUCCESS)
            }
            Err(problems) => {
                problems.iter().for_each(|problem| tracing::error!("{problem}"));
                Ok(ExitCode::FAILURE)
            }
        }
    }

    fn file_settings(&self) -> FileSettings {
        FileSettings { control_socket: Some(self.arguments.control.display().to_string()) }
    }

    /// Reads the folders; returns whether anything in them is another than before.
    fn read_folders(&mut self) -> bool {
        let secrets = SecretsFolder::read(&self.arguments.secrets);
        let (workloads, file_problems) = endpoints::read(&self.arguments.endpoint_status);
        let passwords_differ = secrets != self.secrets;
        let differs =
            passwords_differ || workloads != self.snapshot.workloads || file_problems != self.file_problems;
        self.password_changed |= passwords_differ;
        self.snapshot.secrets = secrets.secrets.clone();
        self.snapshot.workloads = workloads;
        self.secrets = secrets;
        self.file_problems = file_problems;
        differs
    }

    fn show_datastore(&self) {
        let error = self.objects.disconnected().map(ToOwned::to_owned);
        let invalid = self.objects.invalid.iter().map(|(key, why)| (key.clone(), why.to_string())).collect();
        let in_sync = self.objects.is_in_sync();
        self.status.update(|status| {
            status.in_sync = in_sync;
            status.datastore_error = error;
            status.invalid = invalid;
        });
    }

    fn show_problems(&self, problems: &[margay_render::Problem]) {
        let of_objects = problems
            .iter()
            .map(|problem| ObjectProblem { object: problem.object.clone(), problem: problem.what.clone() });
        let of_files = self
            .file_problems
            .iter()
            .map(|problem| ObjectProblem { object: "endpoint status".to_owned(), problem: problem.clone() });
        let problems = of_objects.chain(of_files).collect();
        let revision = self.objects.revision.0;
        self.show_datastore();
        self.status.update(|status| {
            status.problems = problems;
            status.renders += 1;
            status.rendered_revision = Some(revision);
        });
    }

    fn show_outcome(&self, outcome: &Outcome) -> bool {
        let Some(publication) = publication_of(outcome) else { return true };
        let good = publication.result.is_good();
        if good {
            tracing::info!(result = publication.result.as_str(), details = ?publication.details, "published");
        } else {
            tracing::error!(result = publication.result.as_str(), details = ?publication.details, "the former file stays");
        }
        self.status.update(|status| {
            status.publications += u64::from(matches!(outcome, Outcome::Published(_)));
            status.last = Some(publication);
        });
        good
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

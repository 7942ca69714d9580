//! `margay get --watch`: objects as they change.

use std::io::Write;
use std::process::ExitCode;

use margay_cluster::document::write_yaml;
use margay_cluster::key::ObjectKey;
use margay_datastore::{Client, Decoded, Feed, FeedEvent, FeedReader, KeyRange, Revision};

use super::columns;
use super::etcd_store::EtcdStore;
use super::query::{Filter, Query, Stored, typed_name};
use crate::arguments::objects::Get;
use crate::arguments::output_format::Format;
use crate::object_error::ObjectError;
use crate::run_error::RunError;

/// How many events are taken at once.
const EVENTS_AT_ONCE: usize = 100;

/// Shows the objects, and then each change, until the output or the program ends.
pub(crate) fn run(
    store: EtcdStore,
    queries: &[Query],
    filter: &Filter,
    get: &Get,
    out: &mut impl Write,
) -> Result<ExitCode, RunError> {
    let [query] = queries else {
        return Err(ObjectError::Usage("--watch takes one kind, or one object".to_owned()).into());
    };
    let (runtime, client) = store.into_parts();
    runtime.block_on(follow(client, query, filter, get, out))
}

async fn follow(
    client: Client,
    query: &Query,
    filter: &Filter,
    get: &Get,
    out: &mut impl Write,
) -> Result<ExitCode, RunError> {
    let wanted = query.clone();
    let decode = move |key: &[u8], value: &[u8]| match Stored::read(key, value, Revision::default()) {
        Some(stored) if is_wanted(&wanted, &stored) => Decoded::Object(stored),
        Some(_) => Decoded::Foreign,
        None => Decoded::Invalid("it is not an object".to_owned()),
    };
    let feed = Feed::start(client, KeyRange::of_prefix(query.prefix()), decode);
    let Some(mut reader): Option<FeedReader<Stored>> = feed.reader() else { return Ok(ExitCode::FAILURE) };
    let mut printer = Printer { get, has_titles: false };
    loop {
        for event in reader.next(EVENTS_AT_ONCE).await {
            printer.print(&event, filter, out)?;
        }
        out.flush()?;
    }
}

/// A prefix of one object's key is also that of others with longer names.
fn is_wanted(query: &Query, stored: &Stored) -> bool {
    match query {
        Query::One(key) => *key == stored.key,
        Query::All(..) => true,
    }
}

struct Printer<'g> {
    get: &'g Get,
    has_titles: bool,
}

impl Printer<'_> {
    fn print(
        &mut self,
        event: &FeedEvent<Stored>,
        filter: &Filter,
        out: &mut impl Write,
    ) -> Result<(), RunError> {
        match event {
            FeedEvent::Upsert { object, revision, .. } if filter.accepts(object) => {
                let mut stored = Stored::clone(object);
                stored.document["metadata"]["resourceVersion"] = revision.0.to_string().into();
                self.print_object(&stored, out)?;
            }
            FeedEvent::Delete { key } => {
                let key = String::from_utf8_lossy(key);
                let name = ObjectKey::parse(&key).map_or_else(|| key.to_string(), |key| typed_name(&key));
                writeln!(out, "{name} deleted")?;
            }
            FeedEvent::Invalid { key, why } => writeln!(out, "{}: {why}", String::from_utf8_lossy(key))?,
            FeedEvent::Disconnected(why) => {
                eprintln!("margay: the datastore cannot be followed at present: {why}")
            }
            FeedEvent::Upsert { .. } | FeedEvent::InSync | FeedEvent::Connected => {}
        }
        Ok(())
    }

    fn print_object(&mut self, stored: &Stored, out: &mut impl Write) -> Result<(), RunError> {
        match &self.get.output {
            Some(Format::Yaml) => write!(out, "---\n{}", write_yaml(&stored.document))?,
            Some(Format::Json) => writeln!(out, "{}", stored.document)?,
            Some(Format::Name) => writeln!(out, "{}", typed_name(&stored.key))?,
            Some(Format::JsonPath(template)) => {
                writeln!(out, "{}", template.render(&stored.document).trim_end())?
            }
            None | Some(Format::Wide) => {
                let is_wide = self.get.output.is_some();
                let columns = columns::shown_columns(stored.key.kind, is_wide, self.get.all_namespaces);
                if !std::mem::replace(&mut self.has_titles, true) {
                    let titles: Vec<&str> = columns.iter().map(|(title, _)| *title).collect();
                    writeln!(out, "{}", titles.join("  "))?;
                }
                writeln!(out, "{}", columns::cells(stored, &columns).join("  "))?;
            }
        }
        Ok(())
    }
}

//! `margay show routes`: any number of routes, in the memory of one page.

use std::io::Write;

use margay_control::{MAX_PAGE_ROUTES, Request, RoutesPage, RoutesQuery};
use serde_json::Value;

use crate::client::{Client, understand};
use crate::run_error::RunError;
use crate::view::RoutesTable;

/// Prints the routes of all pages as one table or one JSON object.
pub(crate) fn print(
    client: &Client,
    mut query: RoutesQuery,
    json: bool,
    out: &mut impl Write,
) -> Result<(), RunError> {
    query.limit = Some(MAX_PAGE_ROUTES);
    let mut sink = if json { Sink::Json { any: false } } else { Sink::Table(RoutesTable::new()) };
    loop {
        let answer = client.ask(&Request::Routes(query.clone()))?;
        let next = answer.get("next").and_then(Value::as_str).map(str::to_owned);
        sink.page(answer, out)?;
        // A cursor that does not advance would never end.
        if next.is_none() || next == query.after {
            break;
        }
        query.after = next;
    }
    sink.finish(out)
}

enum Sink {
    Table(RoutesTable),
    Json { any: bool },
}

impl Sink {
    fn page(&mut self, answer: Value, out: &mut impl Write) -> Result<(), RunError> {
        match self {
            Self::Table(table) => {
                let page: RoutesPage = understand(answer)?;
                out.write_all(table.page(&page.routes).as_bytes())?;
            }
            Self::Json { any } => {
                for route in answer.get("routes").and_then(Value::as_array).into_iter().flatten() {
                    write!(out, "{}\n  {route}", if *any { "," } else { "{\"routes\": [" })?;
                    *any = true;
                }
            }
        }
        Ok(())
    }

    fn finish(self, out: &mut impl Write) -> Result<(), RunError> {
        match self {
            Self::Table(table) => out.write_all(table.end().as_bytes())?,
            Self::Json { any: true } => writeln!(out, "\n]}}")?,
            Self::Json { any: false } => writeln!(out, "{{\"routes\": []}}")?,
        }
        Ok(())
    }
}

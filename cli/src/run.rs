//! From the arguments to the output.

use std::io::Write;
use std::process::ExitCode;

use margay_control::{
    ExplainQuery, LogQuery, PeerAction, PeerActionQuery, ReloadQuery, ReloadReport, Request, RibState,
    RoutesQuery, RoutesView, ShutdownQuery,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::arguments::log::{Log, LogChange};
use crate::arguments::{
    Arguments, Command, ConfdCommand, FilterCommand, PeerCommand, Reload, Show, ShowArguments, ShowRoutes,
    SoftReset,
};
use crate::client::{Client, Server, understand};
use crate::run_error::RunError;
use crate::{
    configuration, events, filter_test, healthz, ipam, manual, objects, routes, tech_support, top, view,
    watch,
};

pub(crate) fn run(arguments: &Arguments, out: &mut impl Write) -> Result<ExitCode, RunError> {
    let json = arguments.json;
    if let Command::Check { file, explain_changes: false } = &arguments.command {
        return configuration::check(file, json, out);
    }
    if let Command::Schema = &arguments.command {
        out.write_all(margay_config::schema().as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Completions { shell } = &arguments.command {
        manual::completions(*shell, out);
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Man { folder } = &arguments.command {
        manual::pages(folder)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Convert { files, passwords } = &arguments.command {
        return configuration::convert(files, passwords.as_deref(), out);
    }
    if let Command::Filter(FilterCommand::Test(test)) = &arguments.command {
        return filter_test::run(test, json, out);
    }
    if let Command::Decode(decode) = &arguments.command {
        return crate::decode::run(decode, json, out);
    }
    if let Command::Confd(ConfdCommand::Status { confd_socket }) = &arguments.command {
        let answer = Client::new(Server::CONFD, confd_socket)?.get("/v1/status")?;
        print_answer(answer, json, view::confd_status, out)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Objects(command) = &arguments.command {
        return objects::run(command, arguments, out);
    }
    if let Command::Ipam(command) = &arguments.command {
        return ipam::run(command, json, out);
    }
    let client = Client::new(Server::MARGAYD, &arguments.socket)?;
    match &arguments.command {
        Command::Filter(_)
        | Command::Convert { .. }
        | Command::Schema
        | Command::Completions { .. }
        | Command::Man { .. }
        | Command::Decode(_)
        | Command::Confd(_)
        | Command::Ipam(_)
        | Command::Objects(_) => {}
        Command::Check { file, .. } | Command::Diff { file } => {
            return configuration::diff(&client, file, json, out);
        }
        Command::Healthz(question) => {
            let (sentence, code) = healthz::judge(&understand(client.ask(&Request::Status)?)?, question);
            writeln!(out, "{sentence}")?;
            return Ok(code);
        }
        Command::Show(ShowArguments { what, watch: None }) => show(&client, what, json, out)?,
        Command::Show(ShowArguments { what, watch: Some(interval) }) => {
            watch::repeat(*interval, out, |text| show(&client, what, json, text))?;
        }
        Command::Events { prefixes } => events::follow(&client, prefixes, json, out)?,
        Command::Top { interval } => top::run(&client, *interval)?,
        Command::Log(Log { change }) => {
            let request = change.as_ref().map_or(Request::Log, |change| Request::SetLog(log_query(change)));
            print(&client, &request, json, view::log, out)?;
        }
        Command::TechSupport { output } => tech_support::collect(&client, output, out)?,
        Command::Explain { destination } => {
            let query = ExplainQuery { prefix: destination.clone() };
            print(&client, &Request::Explain(query), json, view::explanation, out)?;
        }
        Command::Peer { name, action } => {
            let request = Request::AdministerPeer { name: name.clone(), query: action_query(action) };
            print(&client, &request, json, view::peer_action, out)?;
        }
        Command::Reload(Reload { confirmed: true, .. }) => {
            print(&client, &Request::ConfirmReload, json, view::confirmed, out)?;
        }
        Command::Reload(how) => return reload(&client, how, json, out),
        Command::Drain => print(&client, &Request::Drain, json, view::maintenance, out)?,
        Command::Undrain => print(&client, &Request::Undrain, json, view::maintenance, out)?,
        Command::Shutdown { message } => {
            let request = Request::Shutdown(ShutdownQuery { message: message.clone() });
            print(&client, &request, json, view::maintenance, out)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(client: &Client, what: &Show, json: bool, out: &mut impl Write) -> Result<(), RunError> {
    match what {
        Show::Peers => print(client, &Request::Peers, json, view::peers, out),
        Show::Peer { name } => print(client, &Request::Peer { name: name.clone() }, json, view::peer, out),
        Show::Routes(which) => routes::print(client, routes_query(which), json, out),
        Show::Kernel => print(client, &Request::Kernel, json, view::kernel, out),
        Show::Bfd => print(client, &Request::Bfd, json, view::bfd, out),
        Show::Rpki => print(client, &Request::Rpki, json, view::rpki, out),
        Show::Groups => print(client, &Request::Groups, json, view::groups, out),
        Show::State => print(client, &Request::State, json, |state: &RibState| state.text.clone(), out),
        Show::Status => print(client, &Request::Status, json, view::status, out),
        Show::Turns { reset } => {
            let request = if *reset { Request::TakeTurns } else { Request::Turns };
            print(client, &request, json, view::turns, out)
        }
    }
}

fn log_query(change: &LogChange) -> LogQuery {
    match change.clone() {
        LogChange::Level { filter } => LogQuery { filter: Some(filter), ..LogQuery::default() },
        LogChange::Debug { peer } => LogQuery { debug: Some(peer), ..LogQuery::default() },
        LogChange::Undebug { peer } => LogQuery { undebug: Some(peer), ..LogQuery::default() },
    }
}

/// Sends a request and prints the answer: unchanged, or formatted by `view`.
fn print<T: DeserializeOwned>(
    client: &Client,
    request: &Request,
    json: bool,
    view: impl FnOnce(&T) -> String,
    out: &mut impl Write,
) -> Result<(), RunError> {
    let answer = client.ask(request)?;
    print_answer(answer, json, view, out)?;
    Ok(())
}

fn reload(client: &Client, how: &Reload, json: bool, out: &mut impl Write) -> Result<ExitCode, RunError> {
    let confirm_seconds = how.confirm.map(|time| time.as_secs());
    let answer = client.ask(&Request::Reload(ReloadQuery { strict: how.strict, confirm_seconds }))?;
    let report: ReloadReport = understand(answer.clone())?;
    print_answer(answer, json, view::reload, out)?;
    Ok(if report.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_answer<T: DeserializeOwned>(
    answer: Value,
    json: bool,
    view: impl FnOnce(&T) -> String,
    out: &mut impl Write,
) -> Result<(), RunError> {
    if json {
        writeln!(out, "{answer:#}")?;
    } else {
        out.write_all(view(&understand(answer)?).as_bytes())?;
    }
    Ok(())
}

fn action_query(command: &PeerCommand) -> PeerActionQuery {
    let (action, message) = match command {
        PeerCommand::Reset { soft: None, message } => (PeerAction::Reset, message.clone()),
        PeerCommand::Reset { soft: Some(SoftReset::In), .. } => (PeerAction::SoftIn, None),
        PeerCommand::Reset { soft: Some(SoftReset::Out), .. } => (PeerAction::SoftOut, None),
        PeerCommand::Disable { message } => (PeerAction::Disable, message.clone()),
        PeerCommand::Enable => (PeerAction::Enable, None),
    };
    PeerActionQuery { action, message }
}

fn routes_query(which: &ShowRoutes) -> RoutesQuery {
    RoutesQuery {
        prefix: which.destination.clone(),
        longest: false,
        peer: which.peer.clone(),
        view: match (which.received, which.advertised) {
            (true, _) => RoutesView::Received,
            (false, true) => RoutesView::Advertised,
            (false, false) => RoutesView::Best,
        },
        filter: which.filter.clone(),
        after: None,
        limit: None,
    }
}

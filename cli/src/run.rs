//! From the arguments to the output.

use std::io::Write;
use std::process::ExitCode;

use margay_control::{
    ExplainQuery, PeerAction, PeerActionQuery, ReloadQuery, ReloadReport, Request, RibState, RoutesQuery,
    RoutesView, ShutdownQuery,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::arguments::{
    Arguments, Command, ConfdCommand, FilterCommand, PeerCommand, Reload, Show, ShowRoutes, SoftReset,
};
use crate::client::{Client, Server, understand};
use crate::run_error::RunError;
use crate::{configuration, filter_test, healthz, ipam, objects, routes, view};

pub(crate) fn run(arguments: &Arguments, out: &mut impl Write) -> Result<ExitCode, RunError> {
    let json = arguments.json;
    if let Command::Check { file, explain_changes: false } = &arguments.command {
        return configuration::check(file, json, out);
    }
    if let Command::Schema = &arguments.command {
        out.write_all(margay_config::schema().as_bytes())?;
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
        Command::Show(Show::Peers) => print(&client, &Request::Peers, json, view::peers, out)?,
        Command::Show(Show::Peer { name }) => {
            print(&client, &Request::Peer { name: name.clone() }, json, view::peer, out)?;
        }
        Command::Show(Show::Routes(which)) => routes::print(&client, routes_query(which), json, out)?,
        Command::Show(Show::Kernel) => print(&client, &Request::Kernel, json, view::kernel, out)?,
        Command::Show(Show::Bfd) => print(&client, &Request::Bfd, json, view::bfd, out)?,
        Command::Show(Show::State) => {
            print(&client, &Request::State, json, |state: &RibState| state.text.clone(), out)?;
        }
        Command::Show(Show::Status) => print(&client, &Request::Status, json, view::status, out)?,
        Command::Show(Show::Turns { reset }) => {
            let request = if *reset { Request::TakeTurns } else { Request::Turns };
            print(&client, &request, json, view::turns, out)?;
        }
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

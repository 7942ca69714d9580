//! `margay top`: sessions, rates, groups and turns as they change, on the whole terminal.

mod control;
mod rates;
mod screen;
mod state;

use std::io;
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyEventKind};
use margay_control::{ExplainQuery, PeerAction, PeerActionQuery, Request};

use self::control::Command;
use self::state::{Snapshot, State};
use crate::client::{Client, ClientError, understand};
use crate::run_error::RunError;
use crate::view;

/// Shows the daemon until the operator leaves.
pub(crate) fn run(client: &Client, interval: Duration) -> Result<(), RunError> {
    // A daemon that cannot be reached is reported on the terminal as it was.
    let first = snapshot(client)?;
    let mut terminal = ratatui::try_init()?;
    let result = follow(client, interval, first, &mut terminal);
    ratatui::try_restore()?;
    Ok(result?)
}

fn follow(
    client: &Client,
    interval: Duration,
    first: Snapshot,
    terminal: &mut ratatui::DefaultTerminal,
) -> io::Result<()> {
    let mut state = State::new(first);
    let mut next = Instant::now() + interval;
    loop {
        terminal.draw(|frame| screen::draw(frame, &state))?;
        if event::poll(next.saturating_duration_since(Instant::now()))? {
            if let Event::Key(key) = event::read()?
                && key.kind != KeyEventKind::Release
            {
                match state.on_key(key) {
                    Some(Command::Leave) => return Ok(()),
                    Some(command) => state.show(carry_out(client, command)),
                    None => {}
                }
            }
        } else {
            match snapshot(client) {
                Ok(snapshot) => state.on_snapshot(snapshot),
                Err(error) => state.on_failure(error.to_string()),
            }
            next = Instant::now() + interval;
        }
    }
}

fn snapshot(client: &Client) -> Result<Snapshot, ClientError> {
    Ok(Snapshot {
        at: Instant::now(),
        status: understand(client.ask(&Request::Status)?)?,
        peers: understand(client.ask(&Request::Peers)?)?,
        groups: understand(client.ask(&Request::Groups)?)?,
        turns: understand(client.ask(&Request::Turns)?)?,
        kernel: understand(client.ask(&Request::Kernel)?)?,
    })
}

/// Asks the daemon for something, and returns the answer as text.
fn carry_out(client: &Client, command: Command) -> Result<String, String> {
    let answer = match command {
        Command::Leave => return Ok(String::new()),
        Command::Explain(prefix) => {
            let answer = client.ask(&Request::Explain(ExplainQuery { prefix })).and_then(understand);
            answer.map(|explanation| view::explanation(&explanation))
        }
        Command::Peer(name) => {
            client.ask(&Request::Peer { name }).and_then(understand).map(|peer| view::peer(&peer))
        }
        Command::Reset(name) => {
            let query = PeerActionQuery { action: PeerAction::Reset, message: None };
            let answer = client.ask(&Request::AdministerPeer { name, query }).and_then(understand);
            answer.map(|report| view::peer_action(&report))
        }
    };
    answer.map_err(|error| error.to_string())
}

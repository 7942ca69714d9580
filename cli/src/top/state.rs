//! What the operator looks at, without the terminal.

use std::time::Instant;

use crossterm::event::KeyEvent;
use margay_control::{ExportGroups, KernelStatus, PeerState, PeerSummary, Peers, Status, Turns};

use super::control::{Command, Key};
use super::rates::Rates;

/// State of the daemon at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) at: Instant,
    pub(crate) status: Status,
    pub(crate) peers: Peers,
    pub(crate) groups: ExportGroups,
    pub(crate) turns: Turns,
    pub(crate) kernel: KernelStatus,
}

/// What is shown below the summary.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum View {
    Peers,
    Groups,
    Turns,
    /// An answer of the daemon, from this line on.
    Text {
        text: String,
        from: u16,
    },
}

/// What the next keys are for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    Commands,
    /// The operator writes a prefix, an address, or a part of a name.
    Search(String),
    /// The operator has to confirm the reset of a peer.
    ConfirmReset(String),
}

/// Everything that the screen shows.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) snapshot: Snapshot,
    pub(crate) rates: Rates,
    pub(crate) view: View,
    pub(crate) mode: Mode,
    /// Position in the list of peers as it is shown.
    pub(crate) selected: usize,
    pub(crate) order: Order,
    /// Only peers whose names contain this.
    pub(crate) wanted: String,
    /// Why there is nothing newer, or what a command did.
    pub(crate) message: Option<Message>,
}

/// A line for the operator.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Message {
    Note(String),
    Failure(String),
}

/// The order of peers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    /// Those without a session first, then by name.
    State,
    /// The highest rate first.
    Rate,
    Name,
}

impl State {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Self {
            snapshot,
            rates: Rates::default(),
            view: View::Peers,
            mode: Mode::Commands,
            selected: 0,
            order: Order::State,
            wanted: String::new(),
            message: None,
        }
    }

    /// Takes a newer state. The selected peer stays selected, wherever it is then.
    pub(crate) fn on_snapshot(&mut self, snapshot: Snapshot) {
        let selected = self.selected_peer().map(|peer| peer.name.clone());
        let elapsed = snapshot.at.duration_since(self.snapshot.at);
        self.rates.on_reading(&self.snapshot.peers, &snapshot.peers, elapsed);
        self.snapshot = snapshot;
        if matches!(self.message, Some(Message::Failure(_))) {
            self.message = None;
        }
        let position = self.peers().iter().position(|peer| Some(&peer.name) == selected.as_ref());
        self.select(position.unwrap_or(self.selected));
    }

    /// Notes that the daemon does not answer. What is known stays on the screen.
    pub(crate) fn on_failure(&mut self, reason: String) {
        self.message = Some(Message::Failure(reason));
    }

    /// Shows the result of a command.
    pub(crate) fn show(&mut self, result: Result<String, String>) {
        match result {
            Ok(text) if text.lines().count() <= 1 => {
                self.message = Some(Message::Note(text.trim().to_owned()))
            }
            Ok(text) => self.view = View::Text { text, from: 0 },
            Err(reason) => self.message = Some(Message::Failure(reason)),
        }
    }

    /// The peers as they are shown.
    pub(crate) fn peers(&self) -> Vec<&PeerSummary> {
        let is_wanted = |peer: &&PeerSummary| peer.name.contains(&self.wanted);
        let mut peers: Vec<&PeerSummary> = self.snapshot.peers.peers.iter().filter(is_wanted).collect();
        match self.order {
            Order::Name => {}
            Order::State => peers.sort_by_key(|peer| peer.state == PeerState::Established),
            Order::Rate => {
                let rate = |peer: &PeerSummary| {
                    let rate = self.rates.of(&peer.name);
                    rate.received + rate.sent
                };
                peers.sort_by(|a, b| rate(b).total_cmp(&rate(a)));
            }
        }
        peers
    }

    pub(crate) fn selected_peer(&self) -> Option<&PeerSummary> {
        self.peers().get(self.selected).copied()
    }

    /// Handles a key. Returns what the daemon is to be asked for.
    pub(crate) fn on_key(&mut self, key: KeyEvent) -> Option<Command> {
        let key = Key::from(key);
        if key == Key::Quit {
            return Some(Command::Leave);
        }
        match std::mem::replace(&mut self.mode, Mode::Commands) {
            Mode::Commands => self.on_command(key),
            Mode::Search(text) => self.on_search(text, key),
            Mode::ConfirmReset(peer) => match key {
                Key::Letter('y') => Some(Command::Reset(peer)),
                _ => {
                    self.message = Some(Message::Note("not reset".to_owned()));
                    None
                }
            },
        }
    }

    fn on_command(&mut self, key: Key) -> Option<Command> {
        if let View::Text { from, .. } = &mut self.view {
            match key {
                Key::Up | Key::Letter('k') => *from = from.saturating_sub(1),
                Key::Down | Key::Letter('j') => *from = from.saturating_add(1),
                Key::PageUp => *from = from.saturating_sub(PAGE_LINES),
                Key::PageDown => *from = from.saturating_add(PAGE_LINES),
                Key::Back | Key::Enter | Key::Letter('q') => self.view = View::Peers,
                Key::Letter('/') => self.mode = Mode::Search(String::new()),
                _ => {}
            }
            return None;
        }
        let page = usize::from(PAGE_LINES);
        match key {
            Key::Letter('q') => return Some(Command::Leave),
            Key::Up | Key::Letter('k') => self.select(self.selected.saturating_sub(1)),
            Key::Down | Key::Letter('j') => self.select(self.selected + 1),
            Key::PageUp => self.select(self.selected.saturating_sub(page)),
            Key::PageDown => self.select(self.selected + page),
            Key::First => self.select(0),
            Key::Last => self.select(usize::MAX),
            Key::Letter('p') => self.view = View::Peers,
            Key::Letter('g') => self.view = View::Groups,
            Key::Letter('t') => self.view = View::Turns,
            Key::Letter('s') => {
                self.order = match self.order {
                    Order::State => Order::Rate,
                    Order::Rate => Order::Name,
                    Order::Name => Order::State,
                };
            }
            Key::Letter('/') => self.mode = Mode::Search(String::new()),
            Key::Letter('r') => {
                if let Some(peer) = self.selected_peer() {
                    self.mode = Mode::ConfirmReset(peer.name.clone());
                }
            }
            Key::Enter => return self.selected_peer().map(|peer| Command::Peer(peer.name.clone())),
            Key::Back => {
                self.wanted.clear();
                self.view = View::Peers;
            }
            Key::Erase | Key::Quit | Key::Letter(_) | Key::Other => {}
        }
        None
    }

    /// What begins with a digit or holds a colon is an address or a prefix; anything else is a part of a name.
    fn on_search(&mut self, mut text: String, key: Key) -> Option<Command> {
        match key {
            Key::Letter(letter) => text.push(letter),
            Key::Erase => drop(text.pop()),
            Key::Back => return None,
            Key::Enter if text.starts_with(|c: char| c.is_ascii_digit()) || text.contains(':') => {
                return Some(Command::Explain(text));
            }
            Key::Enter => {
                self.wanted = text;
                self.view = View::Peers;
                self.select(0);
                return None;
            }
            _ => {}
        }
        self.mode = Mode::Search(text);
        None
    }

    fn select(&mut self, position: usize) {
        self.selected = position.min(self.peers().len().saturating_sub(1));
    }
}

/// Lines that a page moves.
const PAGE_LINES: u16 = 10;

#[cfg(test)]
pub(crate) mod fixtures {
    use margay_control::{MessageCounts, PeerRole, PrefixCounts, RibSizes, TimesTaken};

    use super::*;

    /// Peers with their numbers of received UPDATEs.
    pub(crate) fn peers(peers: &[(&str, u64)]) -> Peers {
        let peer = |&(name, updates): &(&str, u64)| PeerSummary {
            name: name.to_owned(),
            address: "10.0.0.1".parse().unwrap(),
            interface: None,
            port: 179,
            source_address: None,
            remote_asn: Some(65001),
            expected_asn: "65001".to_owned(),
            role: PeerRole::External,
            description: None,
            state: PeerState::Established,
            since_seconds: 60,
            uptime_seconds: Some(60),
            prefixes: PrefixCounts { received: 3, accepted: 2, advertised: 1 },
            messages: MessageCounts { updates_received: updates, ..MessageCounts::default() },
            last_error: None,
            held_down: None,
            export_groups: Vec::new(),
        };
        Peers { peers: peers.iter().map(peer).collect(), left_out: Vec::new() }
    }

    pub(crate) fn snapshot(names: &[&str]) -> Snapshot {
        Snapshot {
            at: Instant::now(),
            status: Status {
                version: "0.1.0".to_owned(),
                asn: 64512,
                router_id: "192.0.2.1".parse().unwrap(),
                uptime_seconds: 3600,
                config_file: "/etc/margay/margay.toml".to_owned(),
                config_age_seconds: 60,
                peers: names.len() as u64,
                peers_established: names.len() as u64,
                left_out: Vec::new(),
                reload_undone_in_seconds: None,
                draining: false,
                holding_back: false,
                memory_guard: None,
                rib: RibSizes { prefixes: 1000, paths: 2000, attribute_sets: 10, export_groups: 1 },
                log_lines_dropped: 0,
                log_lines_limited: 0,
            },
            peers: peers(&names.iter().map(|name| (*name, 0)).collect::<Vec<_>>()),
            groups: ExportGroups::default(),
            turns: Turns {
                since_seconds: 60,
                turns: TimesTaken::default(),
                computing: TimesTaken::default(),
                steps: Vec::new(),
            },
            kernel: KernelStatus::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyCode;

    use super::*;

    fn press(state: &mut State, codes: &[KeyCode]) -> Option<Command> {
        codes.iter().fold(None, |_, &code| state.on_key(code.into()))
    }

    fn letters(text: &str) -> Vec<KeyCode> {
        text.chars().map(KeyCode::Char).collect()
    }

    #[test]
    fn an_address_is_explained_and_a_name_selects_peers() {
        let mut state = State::new(fixtures::snapshot(&["node1", "node2", "tor1"]));
        assert_eq!(press(&mut state, &letters("/10.65.1.5")), None);
        assert_eq!(press(&mut state, &[KeyCode::Enter]), Some(Command::Explain("10.65.1.5".to_owned())));
        press(&mut state, &letters("/2001:db8::1"));
        assert_eq!(press(&mut state, &[KeyCode::Enter]), Some(Command::Explain("2001:db8::1".to_owned())));
        press(&mut state, &letters("/tor"));
        assert_eq!(press(&mut state, &[KeyCode::Enter]), None);
        assert_eq!(state.peers().len(), 1);
        press(&mut state, &[KeyCode::Esc]);
        assert_eq!(state.peers().len(), 3);
    }

    #[test]
    fn a_reset_has_to_be_confirmed() {
        let mut state = State::new(fixtures::snapshot(&["a", "b"]));
        assert_eq!(press(&mut state, &letters("jrn")), None);
        assert_eq!(press(&mut state, &letters("ry")), Some(Command::Reset("b".to_owned())));
    }

    #[test]
    fn the_selected_peer_stays_selected() {
        let mut state = State::new(fixtures::snapshot(&["a", "b", "c"]));
        press(&mut state, &letters("jjj"));
        assert_eq!(state.selected_peer().unwrap().name, "c");
        let mut next = fixtures::snapshot(&["a", "b", "c"]);
        next.peers.peers[2].state = PeerState::Active;
        state.on_snapshot(next);
        assert_eq!((state.selected, state.selected_peer().unwrap().name.as_str()), (0, "c"));
        state.on_snapshot(fixtures::snapshot(&["a"]));
        assert_eq!(state.selected_peer().unwrap().name, "a");
        state.on_snapshot(fixtures::snapshot(&[]));
        assert_eq!(state.selected_peer(), None);
        assert_eq!(press(&mut state, &[KeyCode::Enter]), None);
    }
}

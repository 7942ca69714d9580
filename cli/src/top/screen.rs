//! The screen: a summary above, the view below, and a line for the operator.

use margay_control::{PeerState, PeerSummary};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Sparkline, Table, TableState};

use super::rates::short;
use super::state::{Message, Mode, Order, State, View};
use crate::view;

/// Draws everything.
pub(crate) fn draw(frame: &mut Frame<'_>, state: &State) {
    let [summary, chart, body, line] = Layout::vertical([
        Constraint::Length(3),
        Constraint::Length(CHART_LINES),
        Constraint::Min(3),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(summary_lines(state)), summary);
    draw_chart(frame, state, chart);
    match &state.view {
        View::Peers => draw_peers(frame, state, body),
        View::Groups => draw_text(frame, &view::groups(&state.snapshot.groups), 0, body),
        View::Turns => draw_text(frame, &view::turns(&state.snapshot.turns), 0, body),
        View::Text { text, from } => draw_text(frame, text, *from, body),
    }
    frame.render_widget(Paragraph::new(last_line(state)), line);
}

fn summary_lines(state: &State) -> Vec<Line<'static>> {
    let snapshot = &state.snapshot;
    let status = &snapshot.status;
    let established = if status.peers_established == status.peers { GOOD } else { BAD };
    let mut first = vec![
        Span::styled("margay", STRONG),
        Span::raw(format!(
            " {}  AS {}  {}  up {}",
            status.version,
            status.asn,
            status.router_id,
            view::time_span(status.uptime_seconds)
        )),
    ];
    for (is_so, word) in [(status.draining, "  draining"), (status.holding_back, "  holding back")] {
        if is_so {
            first.push(Span::styled(word, BAD));
        }
    }
    let second = vec![
        Span::raw("sessions "),
        Span::styled(format!("{}/{}", status.peers_established, status.peers), established),
        Span::raw(format!(
            "  prefixes {}  paths {}  attribute sets {}  groups {}",
            status.rib.prefixes, status.rib.paths, status.rib.attribute_sets, status.rib.export_groups
        )),
    ];
    let kernel = &snapshot.kernel;
    let turns = snapshot.turns.turns;
    let kernel_text = if kernel.enabled {
        format!(
            "kernel {}/{} ({} pending, {} refused)",
            kernel.installed, kernel.wanted, kernel.pending, kernel.refused
        )
    } else {
        "no kernel".to_owned()
    };
    let third = format!("{kernel_text}  longest turn {} ms", turns.longest_microseconds / 1000);
    vec![Line::from(first), Line::from(second), Line::from(third)]
}

fn draw_chart(frame: &mut Frame<'_>, state: &State, area: Rect) {
    let [title, chart] = Layout::vertical([Constraint::Length(1), Constraint::Min(1)]).areas(area);
    let latest = state.rates.sums().next_back().unwrap_or_default();
    let text = format!("UPDATEs/s: {} received, {} sent", short(latest.received), short(latest.sent));
    frame.render_widget(Paragraph::new(text), title);
    // The latest readings, as many as fit.
    let left_out = state.rates.sums().len().saturating_sub(usize::from(chart.width));
    let bars: Vec<u64> =
        state.rates.sums().skip(left_out).map(|rate| bar(rate.received + rate.sent)).collect();
    frame.render_widget(Sparkline::default().data(&bars).style(Style::new().fg(Color::Cyan)), chart);
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is not negative, and its bar is rounded"
)]
fn bar(rate: f64) -> u64 {
    rate.ceil() as u64
}

fn draw_peers(frame: &mut Frame<'_>, state: &State, area: Rect) {
    let peers = state.peers();
    let columns = Columns::that_fit(area.width);
    let order = match state.order {
        Order::State => "by state",
        Order::Rate => "by rate",
        Order::Name => "by name",
    };
    let rows = peers.iter().map(|peer| {
        let cells = columns.0.iter().map(|column| Cell::from(column.text(peer, state)));
        Row::new(cells).style(style_of(peer))
    });
    let titles = columns.0.iter().map(|column| Cell::from(column.title(order)));
    let widths = columns.0.iter().map(|column| column.width());
    let table = Table::new(rows, widths)
        .header(Row::new(titles).style(STRONG))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut position = TableState::new().with_selected(Some(state.selected));
    frame.render_stateful_widget(table, area, &mut position);
}

fn style_of(peer: &PeerSummary) -> Style {
    match peer.state {
        PeerState::Established => Style::new(),
        _ if peer.held_down.is_some() => Style::new().fg(Color::DarkGray),
        _ => BAD,
    }
}

/// Columns of the list of peers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Column {
    Name,
    State,
    Since,
    Received,
    Accepted,
    Advertised,
    RateIn,
    RateOut,
    Asn,
    Role,
    Reason,
}

/// The columns that fit into a width, in the order in which they are shown.
struct Columns(Vec<Column>);

impl Columns {
    /// Columns are added in the order of their importance, while there is room.
    fn that_fit(width: u16) -> Self {
        let mut left = width;
        let mut shown = Vec::new();
        for column in [
            Column::Name,
            Column::State,
            Column::Since,
            Column::Received,
            Column::RateIn,
            Column::RateOut,
            Column::Accepted,
            Column::Advertised,
            Column::Reason,
            Column::Asn,
            Column::Role,
        ] {
            let Some(rest) = left.checked_sub(column.least() + 1) else { break };
            left = rest;
            shown.push(column);
        }
        // The reason takes what is left, so it is the last one.
        shown.sort_by_key(|&column| column as u8);
        Self(shown)
    }
}

impl Column {
    fn least(self) -> u16 {
        match self {
            Self::Name => 16,
            Self::State => 11,
            Self::Since | Self::RateIn | Self::RateOut | Self::Role => 8,
            Self::Received | Self::Accepted | Self::Advertised => 9,
            Self::Asn => 10,
            Self::Reason => 20,
        }
    }

    fn width(self) -> Constraint {
        match self {
            Self::Reason | Self::Name => Constraint::Min(self.least()),
            _ => Constraint::Length(self.least()),
        }
    }

    fn title(self, order: &str) -> String {
        match self {
            Self::Name => format!("PEER ({order})"),
            Self::State => "STATE".to_owned(),
            Self::Since => "SINCE".to_owned(),
            Self::Received => "RECEIVED".to_owned(),
            Self::Accepted => "ACCEPTED".to_owned(),
            Self::Advertised => "SENT".to_owned(),
            Self::RateIn => "IN/s".to_owned(),
            Self::RateOut => "OUT/s".to_owned(),
            Self::Asn => "AS".to_owned(),
            Self::Role => "ROLE".to_owned(),
            Self::Reason => "LAST ERROR".to_owned(),
        }
    }

    fn text(self, peer: &PeerSummary, state: &State) -> String {
        let rate = state.rates.of(&peer.name);
        match self {
            Self::Name => peer.name.clone(),
            Self::State if peer.held_down.is_some() => "down".to_owned(),
            Self::State => peer.state.to_string(),
            Self::Since => view::time_span(peer.since_seconds),
            Self::Received => peer.prefixes.received.to_string(),
            Self::Accepted => peer.prefixes.accepted.to_string(),
            Self::Advertised => peer.prefixes.advertised.to_string(),
            Self::RateIn => short(rate.received),
            Self::RateOut => short(rate.sent),
            Self::Asn => peer.remote_asn.map(|asn| asn.to_string()).unwrap_or_default(),
            Self::Role => peer.role.to_string(),
            Self::Reason => peer.held_down.clone().or_else(|| peer.last_error.clone()).unwrap_or_default(),
        }
    }
}

fn draw_text(frame: &mut Frame<'_>, text: &str, from: u16, area: Rect) {
    frame.render_widget(Paragraph::new(text).scroll((from, 0)), area);
}

fn last_line(state: &State) -> Line<'static> {
    match (&state.mode, &state.message) {
        (Mode::Search(text), _) => {
            Line::from(format!("/{text}_  (an address or prefix is explained, anything else selects peers)"))
        }
        (Mode::ConfirmReset(peer), _) => Line::styled(format!("reset the session with {peer}? y/n"), BAD),
        (Mode::Commands, Some(Message::Failure(reason))) => Line::styled(reason.clone(), BAD),
        (Mode::Commands, Some(Message::Note(note))) => Line::styled(note.clone(), GOOD),
        (Mode::Commands, None) => Line::styled(
            "q quit  enter peer  / search, explain  p peers  g groups  t turns  s sort  r reset",
            Style::new().fg(Color::DarkGray),
        ),
    }
}

const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);
const GOOD: Style = Style::new().fg(Color::Green);
const BAD: Style = Style::new().fg(Color::Red);

const CHART_LINES: u16 = 4;

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::top::state::fixtures;

    fn drawn(state: &State, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, state)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn the_columns_fit_the_terminal() {
        let state = State::new(fixtures::snapshot(&["tor1", "tor2"]));
        let wide = drawn(&state, 140, 24);
        assert!(
            wide.contains("LAST ERROR") && wide.contains("ROLE") && wide.contains("sessions 2/2"),
            "{wide}"
        );
        let narrow = drawn(&state, 60, 24);
        assert!(
            narrow.contains("tor2") && narrow.contains("Established") && !narrow.contains("ROLE"),
            "{narrow}"
        );
        // Nothing here may panic, however small the terminal is.
        for (width, height) in [(1, 1), (10, 3), (20, 8)] {
            drawn(&state, width, height);
        }
    }

    #[test]
    fn what_went_wrong_is_on_the_last_line() {
        let mut state = State::new(fixtures::snapshot(&["tor1"]));
        state.on_failure("no daemon".to_owned());
        assert!(drawn(&state, 80, 20).contains("no daemon"));
        state.on_snapshot(fixtures::snapshot(&["tor1"]));
        assert!(!drawn(&state, 80, 20).contains("no daemon"));
    }
}

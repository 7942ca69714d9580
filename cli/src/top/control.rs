//! What keys mean.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Something that the daemon is asked for, or the end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Command {
    /// End the program.
    Leave,
    /// Explain a prefix or an address.
    Explain(String),
    /// Everything about a peer.
    Peer(String),
    /// Reset the session of a peer.
    Reset(String),
}

/// A key without its details.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Enter,
    Back,
    Erase,
    Quit,
    Letter(char),
    Other,
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        match event.code {
            KeyCode::Char('c') if event.modifiers.contains(KeyModifiers::CONTROL) => Self::Quit,
            KeyCode::Char(letter) => Self::Letter(letter),
            KeyCode::Up => Self::Up,
            KeyCode::Down => Self::Down,
            KeyCode::PageUp => Self::PageUp,
            KeyCode::PageDown => Self::PageDown,
            KeyCode::Home => Self::First,
            KeyCode::End => Self::Last,
            KeyCode::Enter => Self::Enter,
            KeyCode::Esc => Self::Back,
            KeyCode::Backspace => Self::Erase,
            _ => Self::Other,
        }
    }
}

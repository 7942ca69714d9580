//! BGP messages in octets (RFC 4271 §4.1), and streams of them.

/// A message: its type, and what follows the header.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) body: Vec<u8>,
}

/// Types of messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Open,
    Update,
    Notification,
    Keepalive,
    RouteRefresh,
    Other(u8),
}

impl Message {
    /// A message in octets.
    ///
    /// # Panics
    ///
    /// It is longer than 65,535 octets.
    pub(crate) fn encode(kind: Kind, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(HEADER + body.len()).expect("a scenario's messages fit");
        let mut octets = vec![0xff; 16];
        octets.extend(length.to_be_bytes());
        octets.push(kind.number());
        octets.extend(body);
        octets
    }

    /// Takes the first whole message off a stream; `None` if there is none yet, or no message at all.
    pub(crate) fn take(stream: &mut Vec<u8>) -> Option<Self> {
        let header = stream.get(..HEADER)?;
        let length = usize::from(u16::from_be_bytes([header[16], header[17]])).max(HEADER);
        if stream.len() < length {
            return None;
        }
        let octets: Vec<u8> = stream.drain(..length).collect();
        Some(Self { kind: Kind::of(octets[18]), body: octets[HEADER..].to_vec() })
    }
}

impl Kind {
    fn of(number: u8) -> Self {
        match number {
            1 => Self::Open,
            2 => Self::Update,
            3 => Self::Notification,
            4 => Self::Keepalive,
            5 => Self::RouteRefresh,
            other => Self::Other(other),
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::Open => 1,
            Self::Update => 2,
            Self::Notification => 3,
            Self::Keepalive => 4,
            Self::RouteRefresh => 5,
            Self::Other(number) => number,
        }
    }
}

/// Octets of marker, length and type.
const HEADER: usize = 19;

#[cfg(test)]
mod tests {
    use super::{Kind, Message};

    #[test]
    fn a_stream_gives_whole_messages_only() {
        let mut stream = Message::encode(Kind::Keepalive, &[]);
        stream.extend(Message::encode(Kind::Notification, &[6, 2]));
        let last = stream.pop().unwrap();
        assert_eq!(Message::take(&mut stream).unwrap().kind, Kind::Keepalive);
        assert_eq!(Message::take(&mut stream), None);
        stream.push(last);
        let expected = Message { kind: Kind::Notification, body: vec![6, 2] };
        assert_eq!(Message::take(&mut stream), Some(expected));
        assert!(stream.is_empty());
    }
}

//! A speaker that says exactly the octets it is given, right or wrong.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use margay_lab::Namespace;
use socket2::{Domain, SockRef, Socket, Type};

/// One TCP connection to port 179.
pub(crate) struct RawSpeaker {
    stream: TcpStream,
}

/// A message as it was read: its type and what follows the header.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct RawMessage {
    pub(crate) kind: u8,
    pub(crate) body: Vec<u8>,
}

impl RawSpeaker {
    /// Dials from an address inside a namespace.
    pub(crate) fn dial(namespace: &Namespace, from: IpAddr, to: IpAddr) -> io::Result<Self> {
        let stream = namespace.inside(|| -> io::Result<TcpStream> {
            let socket = Socket::new(Domain::for_address(SocketAddr::new(to, 179)), Type::STREAM, None)?;
            socket.bind(&SocketAddr::new(from, 0).into())?;
            socket.connect_timeout(&SocketAddr::new(to, 179).into(), TIMEOUT)?;
            Ok(socket.into())
        });
        let stream = stream.map_err(io::Error::other)??;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { stream })
    }

    /// For reading on another thread, for as long as the session lasts.
    pub(crate) fn second_handle(&self) -> io::Result<Self> {
        let stream = self.stream.try_clone()?;
        stream.set_read_timeout(None)?;
        Ok(Self { stream })
    }

    /// How much may wait to be read, about.
    pub(crate) fn set_receive_buffer(&self, octets: usize) -> io::Result<()> {
        SockRef::from(&self.stream).set_recv_buffer_size(octets)
    }

    /// Ends the connection for all handles.
    pub(crate) fn close(&self) {
        // The other side may have ended it.
        self.stream.shutdown(Shutdown::Both).ok();
    }

    pub(crate) fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.write_all(octets)
    }

    /// The next message, `None` when the other side has closed.
    pub(crate) fn read(&mut self) -> io::Result<Option<RawMessage>> {
        let mut header = [0; 19];
        match self.stream.read_exact(&mut header) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            outcome => outcome?,
        }
        let length = u16::from_be_bytes([header[16], header[17]]);
        let mut body = vec![0; usize::from(length) - header.len()];
        self.stream.read_exact(&mut body)?;
        Ok(Some(RawMessage { kind: header[18], body }))
    }

    /// The next message of a kind; others are skipped.
    pub(crate) fn read_kind(&mut self, kind: u8) -> io::Result<RawMessage> {
        while let Some(message) = self.read()? {
            if message.kind == kind {
                return Ok(message);
            }
        }
        Err(io::Error::other(format!("closed without a message of type {kind}")))
    }
}

/// A whole message: marker, length, type, body.
pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(19 + body.len()).expect("a test message is short");
    let mut octets = vec![0xff; 16];
    octets.extend(length.to_be_bytes());
    octets.push(kind);
    octets.extend(body);
    octets
}

/// The body of an OPEN: version, AS, hold time, identifier, optional parameters.
pub(crate) fn open_body(
    version: u8,
    asn: u16,
    hold_time: u16,
    identifier: [u8; 4],
    parameters: &[u8],
) -> Vec<u8> {
    let mut body = vec![version];
    body.extend(asn.to_be_bytes());
    body.extend(hold_time.to_be_bytes());
    body.extend(identifier);
    body.push(u8::try_from(parameters.len()).expect("test parameters are short"));
    body.extend(parameters);
    body
}

/// The body of an UPDATE: withdrawn routes, path attributes, NLRI.
pub(crate) fn update_body(withdrawn: &[u8], attributes: &[u8], nlri: &[u8]) -> Vec<u8> {
    let length = |part: &[u8]| u16::try_from(part.len()).expect("a test part is short").to_be_bytes();
    [&length(withdrawn), withdrawn, &length(attributes), attributes, nlri].concat()
}

pub(crate) const OPEN: u8 = 1;
pub(crate) const UPDATE: u8 = 2;
pub(crate) const NOTIFICATION: u8 = 3;
pub(crate) const KEEPALIVE: u8 = 4;

const TIMEOUT: Duration = Duration::from_secs(20);

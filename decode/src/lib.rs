//! BGP messages from files and captures, as text or JSON, with the consequences of RFC 7606.
//!
//! Input is read in pieces: hexadecimal digits, raw streams, lines of JSON and MRT records need memory for
//! one message, line or record, whatever the size of the file; a capture needs memory for the data of its
//! connections.

mod capture;
mod compression;
mod hex;
mod json;
mod jsonl;
mod judged;
mod link;
mod message_stream;
mod mrt;
mod outcome;
mod source;
mod tcp_stream;
mod text;

use std::io::{self, BufRead, Write};

use bgp_codec::{AsWidth, PeerKind};
use bytes::BytesMut;

use crate::hex::HexSource;
use crate::judged::Judged;
use crate::message_stream::{MessageStream, RawSource};
use crate::source::{SourceMessage, terms};

pub use crate::outcome::Outcome;

/// What the input holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InputFormat {
    /// Hexadecimal digits, with comments after `#`.
    Hex,
    /// Messages one after another, as on the wire.
    Raw,
    /// An uncompressed MRT file.
    Mrt,
    /// A capture of pcap or pcapng.
    Pcap,
    /// One JSON object per line, each answered with one line.
    Jsonl,
}

/// Format of the output.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OutputFormat {
    /// Text for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Options of decoding. Captures and MRT files specify the terms of their sessions themselves, as far as
/// possible.
#[derive(Clone, Copy, Debug)]
pub struct DecodeOptions {
    /// Format of the input.
    pub input: InputFormat,
    /// Format of the output. Lines of JSON are always answered with JSON.
    pub output: OutputFormat,
    /// Kind of the peer that sent the messages.
    pub peer: PeerKind,
    /// Width of AS numbers.
    pub as_width: AsWidth,
    /// Whether NLRI have path identifiers.
    pub add_path: bool,
}

/// Decodes the input, and prints each message as soon as it is read.
///
/// # Errors
///
/// The output cannot be written. Errors of the input are printed in their place.
pub fn run(
    options: &DecodeOptions,
    mut input: impl BufRead + Send,
    out: &mut impl Write,
) -> io::Result<Outcome> {
    let terms = terms(options.peer, options.as_width, options.add_path);
    let mut printer = Printer { output: options.output, out, outcome: Outcome::AllWell };
    // Input that cannot be read yields an error with its first message.
    if let Some(program) = input.fill_buf().ok().and_then(compression::program) {
        printer.print_error(&format!("the input is compressed: unpack it first, as with `{program} -dc`"))?;
        return Ok(printer.outcome);
    }
    match options.input {
        InputFormat::Hex => {
            printer.print_all(MessageStream::new(HexSource::new(input), BytesMut::new(), terms))?
        }
        InputFormat::Raw => {
            printer.print_all(MessageStream::new(RawSource::new(input), BytesMut::new(), terms))?
        }
        InputFormat::Mrt => printer.print_all(mrt::MrtMessages::new(input, options.peer))?,
        InputFormat::Pcap => printer.print_all(capture::messages(input, &terms))?,
        InputFormat::Jsonl => return jsonl::run(input, printer.out),
    }
    Ok(printer.outcome)
}

struct Printer<'a, W> {
    output: OutputFormat,
    out: &'a mut W,
    outcome: Outcome,
}

impl<W: Write> Printer<'_, W> {
    fn print_all(
        &mut self,
        messages: impl IntoIterator<Item = Result<SourceMessage, String>>,
    ) -> io::Result<()> {
        messages.into_iter().try_for_each(|message| match message {
            Ok(message) => self.print(message),
            Err(error) => self.print_error(&error),
        })
    }

    fn print(&mut self, message: SourceMessage) -> io::Result<()> {
        let judged = Judged::new(message.octets, &message.context);
        if judged.result.is_err() {
            self.outcome = Outcome::Faulty;
        }
        match self.output {
            OutputFormat::Text => text::write(self.out, &message.label, &judged),
            OutputFormat::Json => {
                let mut value = json::verdict(&judged);
                if let (Some(object), false) = (value.as_object_mut(), message.label.is_empty()) {
                    object.insert("source".to_owned(), message.label.into());
                }
                writeln!(self.out, "{value}")
            }
        }
    }

    fn print_error(&mut self, error: &str) -> io::Result<()> {
        self.outcome = Outcome::Faulty;
        match self.output {
            OutputFormat::Text => writeln!(self.out, "not read: {error}"),
            OutputFormat::Json => writeln!(self.out, "{}", serde_json::json!({ "error": error })),
        }
    }
}

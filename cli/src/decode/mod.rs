//! `margay decode`: BGP messages from files and captures, as text or JSON, judged as a session would.

mod capture;
mod hex;
mod json;
mod jsonl;
mod judged;
mod mrt;
mod source;
mod tcp_stream;
mod text;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use bgp_codec::{AsWidth, DecodeContext, PeerKind};

use crate::arguments::{Decode, DecodeFormat};
use crate::run::RunError;
use judged::Judged;
use source::SourceMessage;

/// Decodes a file, or standard input.
///
/// Exit code 1 when a message would close a session, or a part of the input could not be read.
pub(crate) fn run(arguments: &Decode, json: bool, out: &mut impl Write) -> Result<ExitCode, RunError> {
    let input = open(&arguments.file)?;
    if arguments.format == DecodeFormat::Jsonl {
        return jsonl::run(input, out);
    }
    let messages = read_messages(arguments, input)
        .map_err(|error| RunError::Unreadable { file: arguments.file.clone(), error })?;
    let mut printer = Printer { json, out, all_well: true };
    for message in messages {
        printer.print(message)?;
    }
    Ok(if printer.all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The terms under which messages are read when nothing says otherwise.
pub(crate) fn context(peer: PeerKind, as_width: AsWidth, add_path: bool) -> DecodeContext {
    let mut context = DecodeContext::new(peer, as_width);
    context.extended_next_hop = vec![bgp_codec::Family::IPV4_UNICAST];
    context.max_message_octets = 65535;
    if add_path {
        context.add_path = source::families_with_path_ids();
    }
    context
}

fn open(file: &Path) -> Result<Box<dyn BufRead>, RunError> {
    if file.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let opened = File::open(file).map_err(|error| RunError::Unreadable { file: file.to_owned(), error })?;
    Ok(Box::new(BufReader::new(opened)))
}

/// The messages of the input in order; what cannot be read is told in its place.
fn read_messages(
    arguments: &Decode,
    mut input: Box<dyn BufRead>,
) -> io::Result<Box<dyn Iterator<Item = Result<SourceMessage, String>>>> {
    let peer = if arguments.ebgp { PeerKind::Ebgp } else { PeerKind::Ibgp };
    let as_width = if arguments.two_octet_as { AsWidth::Two } else { AsWidth::Four };
    let terms = context(peer, as_width, arguments.add_path);
    let mut octets = Vec::new();
    if arguments.format != DecodeFormat::Mrt {
        input.read_to_end(&mut octets)?;
    }
    Ok(match arguments.format {
        DecodeFormat::Hex => match hex::parse(&octets) {
            Ok(octets) => Box::new(source::split_stream(octets.into(), terms)),
            Err(error) => Box::new(std::iter::once(Err(error))),
        },
        DecodeFormat::Raw => Box::new(source::split_stream(octets.into(), terms)),
        DecodeFormat::Mrt => Box::new(mrt::Mrt::new(input, peer)),
        DecodeFormat::Pcap => Box::new(capture::messages(&octets, &terms).into_iter()),
        DecodeFormat::Jsonl => Box::new(std::iter::empty()),
    })
}

struct Printer<'a, W> {
    json: bool,
    out: &'a mut W,
    all_well: bool,
}

impl<W: Write> Printer<'_, W> {
    fn print(&mut self, message: Result<SourceMessage, String>) -> io::Result<()> {
        let message = match message {
            Ok(message) => message,
            Err(error) => {
                self.all_well = false;
                return if self.json {
                    writeln!(self.out, "{}", serde_json::json!({ "error": error }))
                } else {
                    writeln!(self.out, "not read: {error}")
                };
            }
        };
        let judged = Judged::new(message.octets, &message.context);
        self.all_well &= judged.result.is_ok();
        if self.json {
            let mut value = json::verdict(&judged);
            if let (Some(object), false) = (value.as_object_mut(), message.label.is_empty()) {
                object.insert("source".to_owned(), message.label.into());
            }
            writeln!(self.out, "{value}")
        } else {
            text::write(self.out, &message.label, &judged)
        }
    }
}

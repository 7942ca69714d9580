//! `margay decode`: translates the command's options to those of the decoder.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::ExitCode;

use bgp_codec::{AsWidth, PeerKind};
use margay_decode::{DecodeOptions, InputFormat, Outcome, OutputFormat};

use crate::arguments::{Decode, DecodeFormat};
use crate::run_error::RunError;

/// Decodes a file or standard input.
///
/// The exit code is 1 if a message would close a session, or a part of the input could not be read.
pub(crate) fn run(arguments: &Decode, json: bool, out: &mut impl Write) -> Result<ExitCode, RunError> {
    let options = DecodeOptions {
        input: match arguments.format {
            DecodeFormat::Hex => InputFormat::Hex,
            DecodeFormat::Raw => InputFormat::Raw,
            DecodeFormat::Mrt => InputFormat::Mrt,
            DecodeFormat::Pcap => InputFormat::Pcap,
            DecodeFormat::Jsonl => InputFormat::Jsonl,
        },
        output: if json { OutputFormat::Json } else { OutputFormat::Text },
        peer: if arguments.ebgp { PeerKind::Ebgp } else { PeerKind::Ibgp },
        as_width: if arguments.two_octet_as { AsWidth::Two } else { AsWidth::Four },
        add_path: arguments.add_path,
    };
    match margay_decode::run(&options, open(&arguments.file)?, out)? {
        Outcome::AllWell => Ok(ExitCode::SUCCESS),
        Outcome::Faulty => Ok(ExitCode::FAILURE),
    }
}

fn open(file: &Path) -> Result<Box<dyn BufRead + Send>, RunError> {
    if file.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let opened = File::open(file).map_err(|error| RunError::Unreadable { file: file.to_owned(), error })?;
    Ok(Box::new(BufReader::new(opened)))
}

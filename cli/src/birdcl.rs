//! `birdcl`: the client of BIRD 1.6 under its own name, for programs that run it.
//!
//! It is this program, started through a link that is called `birdcl`.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// Client of margayd's `bird_socket`, or of BIRD.
#[derive(Debug, Parser)]
#[command(name = "birdcl", version)]
struct Arguments {
    /// The socket
    #[arg(short, value_name = "SOCKET", default_value = "/var/run/calico/bird.ctl")]
    socket: PathBuf,
    /// Print the codes of replies, too
    #[arg(short)]
    verbose: bool,
    /// Accepted for BIRD's sake: what this client can do is limited by the daemon
    #[arg(short)]
    restricted: bool,
    /// The command; commands are read from the input without one
    #[arg(trailing_var_arg = true)]
    command: Vec<String>,
}

/// Whether a program was started as `birdcl`, by the first of its arguments.
pub(crate) fn is_meant(program: Option<&std::ffi::OsStr>) -> bool {
    program.and_then(|program| Path::new(program).file_name()).is_some_and(|name| name == "birdcl")
}

/// Runs the client with the arguments of the process.
pub(crate) fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match converse(&arguments, &mut io::stdout().lock()) {
        Ok(code) => code,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("birdcl: {}: {error}", arguments.socket.display());
            ExitCode::FAILURE
        }
    }
}

fn converse(arguments: &Arguments, out: &mut impl Write) -> io::Result<ExitCode> {
    let mut stream = UnixStream::connect(&arguments.socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut replies = BufReader::new(stream.try_clone()?);
    let mut code = ExitCode::SUCCESS;
    print_reply(&mut replies, arguments.verbose, out)?;
    let mut send = |command: &str, out: &mut dyn Write| {
        stream.write_all(format!("{}\n", command.trim()).as_bytes())?;
        print_reply(&mut replies, arguments.verbose, out)
    };
    if arguments.command.is_empty() {
        for line in io::stdin().lock().lines() {
            match line?.trim() {
                "" => {}
                "quit" | "exit" => break,
                command => drop(send(command, out)?),
            }
        }
    } else if send(&arguments.command.join(" "), out)?.is_error() {
        code = ExitCode::FAILURE;
    }
    out.flush()?;
    Ok(code)
}

/// The code of the last line of a reply.
#[derive(Clone, Copy)]
struct ReplyCode(u16);

impl ReplyCode {
    /// Codes from 8000 on are errors of the command.
    fn is_error(self) -> bool {
        self.0 >= 8000
    }
}

/// Prints a reply to its end: the line with a space after its code.
fn print_reply(replies: &mut impl BufRead, verbose: bool, out: &mut dyn Write) -> io::Result<ReplyCode> {
    loop {
        let mut line = String::new();
        if replies.read_line(&mut line)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the daemon closed the connection"));
        }
        let line = line.trim_end_matches('\n');
        let (code, text) = split(line);
        match text {
            _ if verbose => writeln!(out, "{line}")?,
            // The end of a reply says nothing.
            "" if code.is_some() => {}
            text => writeln!(out, "{text}")?,
        }
        if let Some((code, true)) = code {
            return Ok(code);
        }
    }
}

/// The code of a line and whether it ends the reply, and the text.
fn split(line: &str) -> (Option<(ReplyCode, bool)>, &str) {
    let numbered = line.split_at_checked(4).and_then(|(code, rest)| {
        let code = code.parse().ok().filter(|_| code.bytes().all(|octet| octet.is_ascii_digit()))?;
        let (is_end, text) = match rest.strip_prefix('-') {
            Some(text) => (false, text),
            None => (true, rest.strip_prefix(' ')?),
        };
        Some((Some((ReplyCode(code), is_end)), text))
    });
    numbered.unwrap_or_else(|| (None, line.strip_prefix(' ').unwrap_or(line)))
}

/// Time that the daemon has for each line.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_replies_without_codes_and_returns_the_last() {
        let reply =
            "1000-BIRD v\n1011-Router ID is 1.2.3.4\n Last reboot\n0013 Daemon is up and running\nrest";
        for (verbose, expected) in [
            (false, "BIRD v\nRouter ID is 1.2.3.4\nLast reboot\nDaemon is up and running\n"),
            (true, "1000-BIRD v\n1011-Router ID is 1.2.3.4\n Last reboot\n0013 Daemon is up and running\n"),
        ] {
            let mut out = Vec::new();
            let code = print_reply(&mut reply.as_bytes(), verbose, &mut out).unwrap();
            assert_eq!(
                (code.0, code.is_error(), String::from_utf8(out).unwrap().as_str()),
                (13, false, expected)
            );
        }
        let mut out = Vec::new();
        assert!(print_reply(&mut "9001 syntax error\n".as_bytes(), false, &mut out).unwrap().is_error());
        assert!(print_reply(&mut "1000-BIRD\n".as_bytes(), false, &mut out).is_err());
    }

    #[test]
    fn is_meant_by_the_name_of_the_program_alone() {
        for (program, expected) in
            [("birdcl", true), ("/bin/birdcl", true), ("margay", false), ("/birdcl/margay", false)]
        {
            assert_eq!(is_meant(Some(program.as_ref())), expected, "{program}");
        }
        assert!(!is_meant(None));
    }
}

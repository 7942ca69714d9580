//! Command line arguments.

pub(crate) mod ipam;
pub(crate) mod log;
pub(crate) mod objects;
pub(crate) mod output_format;
mod whole_seconds;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use bgp_codec::Prefix;
use clap::{Args, Parser, Subcommand, ValueEnum};

use self::ipam::IpamCommand;
use self::log::Log;
use self::objects::ObjectCommand;

/// Looks into the margay daemon, reloads it, checks its files, decodes BGP messages, and manages the cluster's objects.
///
/// Exit codes: 0 all is well, 1 the request failed or the file has errors, 2 the command was not understood.
#[derive(Debug, Parser)]
#[command(name = "margay", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// The daemon's control socket
    #[arg(long, global = true, value_name = "PATH", default_value = "/run/margay/control.sock")]
    pub(crate) socket: PathBuf,
    /// Print the daemon's JSON instead of tables
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to judge.
#[derive(Clone, Copy, Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Healthz {
    /// The daemon answers
    #[arg(long)]
    pub(crate) live: bool,
    /// It has a session if any peer is configured, and does not hold back routes after its start
    #[arg(long)]
    pub(crate) ready: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show peers, routes, the kernel or the daemon itself
    Show(ShowArguments),
    /// Follow sessions, reloads, and changes of the best routes to some prefixes, as they happen
    Events {
        /// Prefixes with all that is inside them, and addresses with all that covers them, whose best routes are followed
        #[arg(value_parser = parse_destination)]
        prefixes: Vec<String>,
    },
    /// Follow sessions, rates, groups and turns on the whole terminal
    Top {
        /// Time between readings
        #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_interval)]
        interval: Duration,
    },
    /// Show what the daemon logs, or change it until the next start
    Log(Log),
    /// Pack the state of the daemon and of the network into a file for a report of a bug, without secrets
    TechSupport {
        /// The file
        #[arg(long, value_name = "FILE", default_value = "margay-tech-support.tar.zst")]
        output: PathBuf,
    },
    /// Say why a prefix is routed as it is, or which route an address has and why
    Explain {
        /// A prefix, such as 10.65.1.0/26; or an address, such as 10.65.1.5, for the longest prefix around it with a usable route
        #[arg(value_parser = parse_destination)]
        destination: String,
    },
    /// Do something with the session of one peer
    Peer {
        /// Its name; its address if it has none
        name: String,
        #[command(subcommand)]
        action: PeerCommand,
    },
    /// Make the daemon read its configuration again
    Reload(Reload),
    /// Say whether the daemon lives, or is ready: 0 it is, 1 it is not
    Healthz(Healthz),
    /// Ask all peers to prefer paths around this node, before maintenance (RFC 8326); sessions and routes stay
    Drain,
    /// Take that back
    Undrain,
    /// End the daemon for longer than a restart: peers lose its routes at once, and read why
    Shutdown {
        /// Shutdown communication for all peers, up to 255 octets (RFC 9003)
        #[arg(long, value_name = "TEXT")]
        message: Option<String>,
    },
    /// Check a configuration file; needs no daemon
    Check {
        /// The file
        file: PathBuf,
        /// Also say what a reload of it would change in the running daemon, as diff does
        #[arg(long)]
        explain_changes: bool,
    },
    /// Print the JSON Schema of configuration files; needs no daemon
    Schema,
    /// Print completions for a shell; needs no daemon
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write manual pages, one for each command; needs no daemon
    Man {
        /// The folder
        folder: PathBuf,
    },
    /// Rewrite a configuration of BIRD or FRR as a configuration of margay; needs no daemon
    ///
    /// Prints the result, and what could not be carried over to standard error, by line. Exits with 1 if anything is left out.
    Convert {
        /// The file, such as bird.conf or frr.conf; several of BIRD, such as bird.cfg and bird6.cfg, become one configuration
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Write passwords into files in this folder, which the result names
        #[arg(long, value_name = "FOLDER")]
        passwords: Option<PathBuf>,
    },
    /// Say what a reload of a configuration file would change in the running daemon, and for whom
    Diff {
        /// The file
        file: PathBuf,
    },
    /// Evaluate filters of a configuration file
    #[command(subcommand)]
    Filter(FilterCommand),
    /// Show BGP messages from a file or a capture, and what RFC 7606 makes of them; needs no daemon
    Decode(Decode),
    /// Look into margay-confd, which keeps the daemon's file
    #[command(subcommand)]
    Confd(ConfdCommand),
    /// Manage addresses of workloads: IP pools, blocks, handles
    #[command(subcommand)]
    Ipam(Box<IpamCommand>),
    #[command(flatten)]
    Objects(Box<ObjectCommand>),
}

#[derive(Debug, Subcommand)]
pub(crate) enum FilterCommand {
    /// Show what a filter makes of a route, rule by rule; needs no daemon
    Test(Box<FilterTest>),
}

/// A filter, and a route to try it on.
#[derive(Args, Debug)]
pub(crate) struct FilterTest {
    /// The filter's name
    pub(crate) filter: String,
    /// The prefix of the route, such as 10.65.1.0/26
    pub(crate) prefix: Prefix,
    /// The configuration file
    #[arg(long, short, value_name = "FILE", default_value = "/etc/margay/margay.toml")]
    pub(crate) config: PathBuf,
    /// The peer that the filter works for, by its name in the file
    #[arg(long, value_name = "NAME")]
    pub(crate) peer: Option<String>,
    /// Where the route comes from: peer, local, kernel, static, or the name of a peer in the file
    #[arg(long, value_name = "SOURCE", default_value = "peer")]
    pub(crate) source: String,
    /// Such as "65001 65002 {1 2}"
    #[arg(long, default_value = "")]
    pub(crate) as_path: String,
    /// Of any kind, such as 65001:100, 64512:1:2 or rt:64512:7; may be repeated
    #[arg(long = "community", value_name = "COMMUNITY")]
    pub(crate) communities: Vec<String>,
    #[arg(long, value_name = "NUMBER")]
    pub(crate) local_pref: Option<u32>,
    #[arg(long, value_name = "NUMBER")]
    pub(crate) med: Option<u32>,
    /// igp, egp or incomplete
    #[arg(long, default_value = "igp")]
    pub(crate) origin: String,
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) next_hop: Option<String>,
    /// The metric in the kernel
    #[arg(long, value_name = "NUMBER")]
    pub(crate) metric: Option<u32>,
    #[arg(long, value_name = "NUMBER")]
    pub(crate) tag: Option<u32>,
    /// The interface that a route of the kernel leads over
    #[arg(long, value_name = "NAME")]
    pub(crate) interface: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfdCommand {
    /// What it keeps, from which state of the datastore, and what is wrong with objects
    Status {
        /// The socket of margay-confd
        #[arg(long, value_name = "PATH", default_value = "/run/margay/confd.sock")]
        confd_socket: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PeerCommand {
    /// Close the session and let it come up again; with --soft, only repeat routes
    Reset {
        /// Ask the peer for its routes again, or advertise all routes to it again; the session stays
        #[arg(long, value_enum, value_name = "DIRECTION", conflicts_with = "message")]
        soft: Option<SoftReset>,
        /// Shutdown communication for the peer, up to 255 octets (RFC 9003)
        #[arg(long, value_name = "TEXT")]
        message: Option<String>,
    },
    /// Close the session and keep it down, also across reloads
    Disable {
        /// Shutdown communication for the peer, up to 255 octets (RFC 9003)
        #[arg(long, value_name = "TEXT")]
        message: Option<String>,
    },
    /// Let the session of a disabled peer come up
    Enable,
}

#[derive(Debug, Args)]
pub(crate) struct Reload {
    /// Change nothing where any object has an error; otherwise such objects go on as they were, and new ones are left out
    #[arg(long)]
    pub(crate) strict: bool,
    /// Undo the reload after a time, such as 5m, unless it is confirmed with --confirmed
    #[arg(long, value_name = "TIME", value_parser = whole_seconds::parse)]
    pub(crate) confirm: Option<Duration>,
    /// Keep what the last reload with --confirm changed; reloads nothing
    #[arg(long, conflicts_with_all = ["strict", "confirm"])]
    pub(crate) confirmed: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum SoftReset {
    /// From the peer
    In,
    /// To the peer
    Out,
}

#[derive(Debug, Args)]
pub(crate) struct Decode {
    /// The file; - is standard input
    #[arg(default_value = "-")]
    pub(crate) file: PathBuf,
    /// What the file holds
    #[arg(long, value_enum, default_value_t = DecodeFormat::Hex)]
    pub(crate) format: DecodeFormat,
    /// The sender is an external peer, who must not send every attribute; captures and MRT files tell
    #[arg(long)]
    pub(crate) ebgp: bool,
    /// AS numbers have two octets; captures and MRT files tell
    #[arg(long = "two-octet-as")]
    pub(crate) two_octet_as: bool,
    /// NLRI have path identifiers; captures and MRT files tell
    #[arg(long = "add-path")]
    pub(crate) add_path: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum DecodeFormat {
    /// Hexadecimal digits, with comments after #
    Hex,
    /// Messages one after the other, as they travel
    Raw,
    /// An MRT file, not compressed
    Mrt,
    /// A capture of pcap or pcapng
    Pcap,
    /// A JSON object a line, {"id", "hex", "context"}, answered by a line each
    Jsonl,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArguments {
    #[command(subcommand)]
    pub(crate) what: Show,
    /// Show it again and again, every two seconds or after the time given
    #[arg(
        long,
        global = true,
        value_name = "TIME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2s",
        value_parser = parse_interval
    )]
    pub(crate) watch: Option<Duration>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Show {
    /// All peers, one a line
    Peers,
    /// Everything about one peer
    Peer {
        /// Its name; its address if it has none
        name: String,
    },
    /// The best route to each prefix, or routes received from peers or advertised to one
    Routes(ShowRoutes),
    /// What the daemon does in the kernel's routing table
    Kernel,
    /// The BFD sessions that monitor the paths to peers, one a line
    Bfd,
    /// The RPKI caches that routes are validated with, one a line
    Rpki,
    /// The export groups: peers of one group are sent the same octets
    Groups,
    /// All routing state, for debugging; the daemon does nothing else while it is written
    State,
    /// The daemon as a whole
    Status,
    /// Event-loop latency of the speaker since the start of the daemon
    Turns {
        /// Reset the counters
        #[arg(long)]
        reset: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ShowRoutes {
    /// Only routes to exactly this prefix, such as 10.65.1.0/26; or to all prefixes around an address, such as 10.65.1.5
    #[arg(value_parser = parse_destination)]
    pub(crate) destination: Option<String>,
    /// Only routes from this peer or, with --advertised, to it
    #[arg(long, value_name = "NAME")]
    pub(crate) peer: Option<String>,
    /// What peers announced, rejected routes too
    #[arg(long, conflicts_with = "advertised")]
    pub(crate) received: bool,
    /// Routes advertised to the peer
    #[arg(long, requires = "peer")]
    pub(crate) advertised: bool,
    /// Only routes that this filter of the daemon's configuration accepts, with what it sets; it works for the peer of --peer
    #[arg(long, value_name = "NAME")]
    pub(crate) filter: Option<String>,
}

/// A time of at least a tenth of a second, such as `2s` or `500ms`.
fn parse_interval(text: &str) -> Result<Duration, String> {
    match margay_config::parse_duration(text)? {
        time if time >= Duration::from_millis(100) => Ok(time),
        _ => Err("less than 100ms".to_owned()),
    }
}

/// A prefix or an address, in the usual form.
fn parse_destination(text: &str) -> Result<String, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    match text.parse::<Prefix>() {
        Ok(prefix) => Ok(prefix.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }

    #[test]
    fn flags_may_stand_anywhere() {
        let arguments =
            Arguments::try_parse_from(["margay", "show", "peers", "--json", "--socket", "/s"]).unwrap();
        assert!(arguments.json);
        assert_eq!(arguments.socket, PathBuf::from("/s"));
    }

    #[test]
    fn watching_stands_behind_what_is_shown_with_or_without_a_time() {
        for (words, expected) in [
            (&["show", "peers"][..], None),
            (&["show", "peers", "--watch"], Some(2)),
            (&["show", "--watch=5s", "peer", "tor1"], Some(5)),
        ] {
            let arguments = Arguments::try_parse_from(["margay"].iter().chain(words)).unwrap();
            let Command::Show(ShowArguments { watch, .. }) = arguments.command else {
                panic!("{arguments:?}")
            };
            assert_eq!(watch, expected.map(Duration::from_secs), "{words:?}");
        }
    }

    #[test]
    fn a_destination_is_a_prefix_or_an_address() {
        for destination in ["10.65.1.5", "10.65.1.0/26", "2001:db8::5", "2001:db8::/64"] {
            let arguments = Arguments::try_parse_from(["margay", "explain", destination]).unwrap();
            let Command::Explain { destination: parsed } = arguments.command else { panic!("{arguments:?}") };
            assert_eq!(parsed, destination);
        }
    }

    #[test]
    fn wrong_commands_say_what_is_wrong() {
        let rows: &[(&[&str], &str)] = &[
            (&["explain", "10.65.1"], "invalid value '10.65.1'"),
            (&["explain", "10.65.1.1/26"], "10.65.1.1/26"),
            (&["show", "routes", "pods"], "invalid value 'pods'"),
            (&["show", "routes", "--advertised"], "--peer <NAME>"),
            (&["show", "routes", "--peer", "a", "--received", "--advertised"], "cannot be used with"),
            (&["show"], "Usage: margay show"),
            (&["show", "peers", "--watch=1ms"], "less than 100ms"),
        ];
        for (words, expected) in rows {
            let error = Arguments::try_parse_from(["margay"].iter().chain(*words)).unwrap_err();
            assert!(error.to_string().contains(expected), "{words:?}: {error}");
            assert_eq!(error.exit_code(), 2, "{words:?}");
        }
    }
}

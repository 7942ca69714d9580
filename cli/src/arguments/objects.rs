//! Commands about objects, as they are typed.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde::Deserialize;

use super::output_format::Format;

#[derive(Debug, Subcommand)]
pub(crate) enum ObjectCommand {
    /// Create the objects of files, or change them to what the files say
    Apply(WriteFiles),
    /// Create the objects of files; none of them may exist
    Create(WriteFiles),
    /// Change objects to what files say; all of them must exist
    Replace(WriteFiles),
    /// Show objects
    Get(Get),
    /// Delete objects
    Delete(Delete),
    /// Change some fields of an object
    Patch(Patch),
    /// Change labels of an object
    Label(Label),
    /// Check the objects of files; needs no datastore
    Validate(ValidateFiles),
    /// Check, save and restore the whole datastore
    #[command(subcommand)]
    Datastore(DatastoreCommand),
    /// Look at this node
    #[command(subcommand)]
    Node(NodeCommand),
    /// Ask what network policy makes of a connection, without sending a packet
    #[command(subcommand)]
    Policy(PolicyCommand),
}

#[derive(Debug, Args)]
pub(crate) struct WriteFiles {
    /// A file of YAML or JSON, a folder of such files, or - for standard input; may be given several times
    #[arg(short, long = "filename", value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The namespace of objects that name none
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
    /// Do everything but write
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateFiles {
    /// A file of YAML or JSON, a folder of such files, or - for standard input; may be given several times
    #[arg(short, long = "filename", value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// The kind, such as bgppeer; several with commas; kind/name is one object
    #[arg(value_name = "KIND")]
    pub(crate) kinds: Option<String>,
    /// Names of objects; all of the kind when there are none
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// The namespace, for kinds that have one; "default" when it is not given
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Objects of all namespaces
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
    /// Only objects whose labels match, such as "rack == 'r1' && has(role)"
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub(crate) selector: Option<String>,
    /// How objects are shown: yaml, json, wide, name, or jsonpath=TEMPLATE
    #[arg(short, long, value_name = "FORMAT", value_parser = Format::parse)]
    pub(crate) output: Option<Format>,
    /// Go on to show objects as they change
    #[arg(short, long)]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// A file with the objects, as for apply; may be given several times
    #[arg(short, long = "filename", value_name = "FILE", conflicts_with = "kinds")]
    pub(crate) files: Vec<PathBuf>,
    /// Do not fail for an object that does not exist
    #[arg(long)]
    pub(crate) ignore_not_found: bool,
    /// Do everything but delete
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Patch {
    /// The kind
    pub(crate) kind: String,
    /// The name
    pub(crate) name: String,
    /// The change, as YAML or JSON: maps are merged, null removes a field, everything else replaces (RFC 7396)
    #[arg(short, long, value_name = "CHANGE")]
    pub(crate) patch: String,
    /// The namespace, for kinds that have one
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
    /// Do everything but write
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Label {
    /// The kind
    pub(crate) kind: String,
    /// The name
    pub(crate) name: String,
    /// KEY=VALUE sets a label, KEY- removes it
    #[arg(required = true, value_name = "CHANGE")]
    pub(crate) changes: Vec<String>,
    /// Labels that have another value get the new one
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// The namespace, for kinds that have one
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
    /// Do everything but write
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DatastoreCommand {
    /// Say what is wrong: objects that are not valid, references that lead nowhere, pools that overlap
    Check {
        /// The folder of secrets, to look for passwords: DIR/SECRET/KEY
        #[arg(long, value_name = "DIR")]
        secrets: Option<PathBuf>,
        #[command(flatten)]
        connection: ConnectionArguments,
    },
    /// Print everything that is stored, an entry a line
    Export {
        #[command(flatten)]
        connection: ConnectionArguments,
    },
    /// Store what was exported
    Import {
        /// The file; - is standard input
        file: PathBuf,
        /// Replace what is there
        #[arg(long)]
        overwrite: bool,
        /// Do everything but write
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        connection: ConnectionArguments,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// The node's BGP sessions
    Status {
        /// Only sessions over this version of IP
        #[arg(long, value_enum)]
        family: Option<FamilyArgument>,
    },
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FamilyArgument {
    /// IPv4
    Ipv4,
    /// IPv6
    Ipv6,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Show the verdict on a connection, with each tier, policy, profile and rule that led to it
    ///
    /// The objects are those of files, or of the datastore when no file is given. Exits with 0 if the connection is allowed, and
    /// with 1 if it is denied. Host endpoints that a connection between workloads is forwarded through are not looked at.
    Explain(Box<ExplainConnection>),
    /// Check that connections are allowed or denied as a file expects; needs no datastore
    ///
    /// The file is YAML or JSON: `objects`, a list of files and folders relative to it, and `expectations`, a list of `from`, `to`,
    /// `verdict` (allow or deny) and, as needed, `protocol`, `port`, `sourcePort`, `icmp`, `http`, `family` and `name`.
    Test {
        /// The file with expectations
        file: PathBuf,
        /// More objects: a file of YAML or JSON, or a folder of such files; may be given several times
        #[arg(short, long = "filename", value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

/// A connection, and the objects to judge it by.
#[derive(Debug, Args)]
pub(crate) struct ExplainConnection {
    /// The sender: an address, [NAMESPACE/]POD, or hostendpoint/NAME
    #[arg(long, value_name = "PARTY")]
    pub(crate) from: String,
    /// The receiver, given in the same way
    #[arg(long, value_name = "PARTY")]
    pub(crate) to: String,
    /// The receiver's port, for TCP, UDP and SCTP
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// The sender's port
    #[arg(long, value_name = "PORT")]
    pub(crate) source_port: Option<u16>,
    /// The protocol: tcp, udp, sctp, udplite, icmp, icmpv6 or a number
    #[arg(long = "proto", value_name = "PROTOCOL", default_value = "tcp")]
    pub(crate) protocol: String,
    /// The type of an ICMP message, and its code
    #[arg(long, value_name = "TYPE[:CODE]")]
    pub(crate) icmp: Option<String>,
    /// An HTTP request, such as GET:/a
    #[arg(long, value_name = "METHOD:PATH")]
    pub(crate) http: Option<String>,
    /// The version of IP; IPv4 when both parties have both
    #[arg(long, value_enum)]
    pub(crate) family: Option<FamilyArgument>,
    /// A file of YAML or JSON, a folder of such files, or - for standard input; may be given several times
    #[arg(short, long = "filename", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) connection: ConnectionArguments,
}

/// Where the datastore is. What is not typed comes from the environment, then from `datastore.toml` in
/// `~/.config/margay`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ConnectionArguments {
    /// URLs of etcd's members, with commas [env: ETCD_ENDPOINTS] [default: http://127.0.0.1:2379]
    #[arg(long, value_name = "URLS")]
    pub(crate) server: Option<String>,
    /// The authority of the members' certificates [env: ETCD_CA_CERT_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The own certificate [env: ETCD_CERT_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// The key of the own certificate [env: ETCD_KEY_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// The user; the password is in ETCD_PASSWORD or a file [env: ETCD_USERNAME]
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// The file with the password [env: ETCD_PASSWORD_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

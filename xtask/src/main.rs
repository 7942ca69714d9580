//! Every chore of the project; `cargo xtask help` lists them.
#![expect(clippy::print_stdout, reason = "a chore talks to the person who started it")]

mod bench;
mod breaks;
mod cargo_tool;
mod ci;
mod demo;
mod fuzz;
mod hostile;
mod interop;
mod mutants;
mod nightly;
mod package;
mod protos;
mod replay;
mod rust_source;
mod sim;
mod sizes;
mod soak;
mod steps;
mod supply;
mod test;
mod tidy;
mod workspace;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

fn main() -> ExitCode {
    let chore = Arguments::parse().chore;
    let outcome = Workspace::find().and_then(|workspace| match chore {
        Chore::Bench { arguments } => bench::run(&workspace, &arguments),
        Chore::Breaks { names } => breaks::run(&workspace, &names),
        Chore::Ci => ci::run(&workspace),
        Chore::Demo { scene, programs } => demo::run(&workspace, scene, programs),
        Chore::Deny => supply::check_rules(&workspace),
        Chore::Fuzz { target, seconds } => fuzz::run(&workspace, target.as_deref(), seconds),
        Chore::Hostile { profile } => hostile::run(&workspace, profile),
        Chore::Image { profile, try_it } => package::image(&workspace, profile, try_it),
        Chore::Interop { profile, arguments } => interop::run(&workspace, profile, &arguments),
        Chore::Mutants { files } => mutants::run(&workspace, &files),
        Chore::Nightly => nightly::run(&workspace),
        Chore::Package { profile, try_it } => package::packages(&workspace, profile, try_it),
        Chore::Protos { check } => protos::run(&workspace, check),
        Chore::Reproducible => supply::check_reproducible(&workspace),
        Chore::Replay { arguments } => replay::run(&workspace, &arguments),
        Chore::Sbom => supply::write_bill(&workspace).map(|file| println!("{}", file.display())),
        Chore::Sim { arguments } => sim::run(&workspace, &arguments),
        Chore::Sizes => sizes::run(&workspace),
        Chore::Soak { profile, arguments } => soak::run(&workspace, profile, &arguments),
        Chore::Test => test::run(&workspace),
        Chore::Tidy => tidy::run(&workspace),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The chores of the margay project.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run the load generator in release mode; everything after `bench` is passed on to it
    Bench {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Apply each deliberate fault under `breaks/` to a copy of the tree, and print which test finds it
    Breaks {
        /// Only these: names of patches without their ending
        names: Vec<String>,
    },
    /// Run everything that a change must pass: format, clippy, tidy, docs, tests
    Ci,
    /// Nodes, pods and a real ToR in network namespaces: sessions, routes, pings, a failure
    Demo {
        /// Which scene
        #[arg(value_enum, default_value = "rack")]
        scene: demo::Scene,
        /// Where margayd and margay are; they are built when this is not given
        #[arg(long, hide = true)]
        programs: Option<PathBuf>,
    },
    /// Check the dependencies: licences, sources, duplicates, advisories
    Deny,
    /// Run the fuzz targets at low priority, one after the other, and keep what they find to matter
    Fuzz {
        /// Only this one, such as message or selector
        target: Option<String>,
        /// For how long each
        #[arg(long, default_value_t = 600)]
        seconds: u32,
    },
    /// Attack margay and BIRD as a peer in several ways, and write what that costs into docs/hostile.md
    Hostile {
        /// How margay is built
        #[arg(long, value_enum, default_value = "release")]
        profile: package::Profile,
    },
    /// Make an image for containers from Debian's libraries and the programs
    Image {
        #[arg(long, value_enum, default_value = "release")]
        profile: package::Profile,
        /// Run it in Podman as well
        #[arg(long = "try")]
        try_it: bool,
    },
    /// Run margay and other daemons in containers through every scenario, and write the matrix into docs/interop.md; see
    /// `interop -- --help`
    Interop {
        /// How margay is built
        #[arg(long, value_enum, default_value = "release")]
        profile: package::Profile,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Change the decision process, imports, logs and filters one expression at a time: some test must notice each change
    Mutants {
        /// Only these files, as patterns relative to the root
        files: Vec<String>,
    },
    /// Run what takes longer than a change can wait for: breaks, histories, seeds, fuzzing, mutants
    Nightly,
    /// Make Debian packages of the daemon, of margay-confd, and of their debug information
    Package {
        #[arg(long, value_enum, default_value = "release")]
        profile: package::Profile,
        /// Install and run them in a fresh Debian system as well
        #[arg(long = "try")]
        try_it: bool,
    },
    /// Make the checked-in gRPC stubs from the `.proto` files; needs no protoc
    Protos {
        /// Only compare the stubs with what the `.proto` files give
        #[arg(long)]
        check: bool,
    },
    /// Build what is committed in two folders: the programs must be equal
    Reproducible,
    /// Rebuild the state of routing tables from what `margayd --record` wrote; see `replay --help`
    Replay {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Write a bill of materials of the installed programs (CycloneDX)
    Sbom,
    /// Simulate whole networks with faults from seeds; everything after `sim` is passed on, see `sim --help`
    Sim {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Print the ten longest files and functions; fails nothing
    Sizes,
    /// Run the daemon for minutes or hours among peers that come and go, with one fault after the other; see `soak -- --help`
    Soak {
        /// How the daemon is built
        #[arg(long, value_enum, default_value = "release")]
        profile: package::Profile,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Install what the tests need, then run unit, property and end-to-end tests
    Test,
    /// Check what the compiler does not: crate arrows, the sans-I/O boundary, names, wording
    Tidy,
}

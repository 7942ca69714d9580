//! The boundary of pure crates: the allowed contents of manifests, sources and `clippy.toml`.

use std::ffi::OsStr;
use std::path::Path;

use super::arrows::line_of;
use super::finding::Finding;
use crate::rust_source::named_paths;
use crate::workspace::{DependencyKind, Package, SourceFile};

/// Crates that only compute.
const PURE: &[&str] = &[
    "bgp-codec",
    "margay-bfd",
    "margay-timestamp",
    "margay-suggestion",
    "margay-session",
    "margay-filter",
    "margay-forwarding",
    "margay-containers",
    "margay-fib",
    "margay-kernel-model",
    "margay-rib",
    "margay-config",
    "margay-control",
    "margay-convert",
    "margay-render",
    "margay-policy",
    "margay-ipam",
    "margay-overlay",
    "margay-reconcile",
    "margay-watch",
    "margay-cluster",
    "margay-mrt",
];

/// External crates that do I/O, read clocks, log or draw randomness.
const IMPURE_CRATES: &[&str] = &[
    "async_std",
    "axum",
    "chrono",
    "futures_util",
    "getrandom",
    "hyper",
    "hyper_util",
    "libc",
    "log",
    "mio",
    "nix",
    "rand",
    "reqwest",
    "rtnetlink",
    "rustix",
    "smol",
    "socket2",
    "time",
    "tokio",
    "tokio_stream",
    "tokio_util",
    "tonic",
    "tracing",
    "tracing_subscriber",
];

/// The one exception: the codec's `tokio-codec` feature.
const OPTIONAL_CODEC: (&str, &str) = ("bgp-codec", "tokio_util");

/// Modules of the standard library with side effects.
const IMPURE_MODULES: &[[&str; 2]] =
    &[["std", "env"], ["std", "fs"], ["std", "os"], ["std", "process"], ["std", "thread"]];

/// Names of clocks, sockets and files, wherever they are imported from.
const IMPURE_NAMES: &[&str] = &[
    "File",
    "Instant",
    "SystemTime",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "UnixDatagram",
    "UnixListener",
    "UnixStream",
];

/// Lines that each pure crate's `clippy.toml` must have, because it replaces the workspace's.
const BOUNDARY: &[&str] = &[
    "allow-unwrap-in-tests = true",
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::fs::File",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
];

pub(super) fn check(packages: &[Package], files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages.iter().filter(|package| PURE.contains(&package.name.as_str())) {
        let Some(folder) = package.manifest_path.parent() else { continue };
        findings.extend(check_manifest(package, files));
        findings.extend(check_boundary(folder, files));
        let sources = files.iter().filter(|file| file.path.starts_with(folder.join("src")));
        for file in sources.filter(|file| file.path.extension() == Some(OsStr::new("rs"))) {
            findings.extend(check_source(&package.name, file));
        }
    }
    findings
}

fn check_manifest(package: &Package, files: &[SourceFile]) -> Vec<Finding> {
    let shipped =
        package.dependencies.iter().filter(|dependency| dependency.kind != Some(DependencyKind::Dev));
    let impure = shipped.filter(|dependency| {
        let name = dependency.name.replace('-', "_");
        let is_exception = dependency.optional && (package.name.as_str(), name.as_str()) == OPTIONAL_CODEC;
        IMPURE_CRATES.contains(&name.as_str()) && !is_exception
    });
    impure
        .map(|dependency| Finding {
            path: package.manifest_path.clone(),
            line: line_of(&dependency.name, &package.manifest_path, files),
            what: format!("{} is pure and must not depend on {}", package.name, dependency.name),
        })
        .collect()
}

fn check_boundary(folder: &Path, files: &[SourceFile]) -> Vec<Finding> {
    let path = folder.join("clippy.toml");
    let text = files.iter().find(|file| file.path == path).map_or("", |file| &file.text);
    let missing = BOUNDARY.iter().filter(|wanted| !text.contains(**wanted));
    missing
        .map(|wanted| Finding {
            path: path.clone(),
            line: 1,
            what: format!("the boundary of a pure crate lacks {wanted}"),
        })
        .collect()
}

fn check_source(package: &str, file: &SourceFile) -> Vec<Finding> {
    let at = |line, what| Finding { path: file.path.clone(), line, what };
    let paths = match named_paths(&file.text) {
        Ok(paths) => paths,
        Err(error) => return vec![at(1, format!("cannot be read as Rust: {error}"))],
    };
    paths
        .iter()
        .filter(|path| is_impure(package, &path.segments))
        .map(|path| at(path.line, format!("{package} is pure and must not use {}", path.segments.join("::"))))
        .collect()
}

fn is_impure(package: &str, segments: &[String]) -> bool {
    let first_two = [segments.first(), segments.get(1)].map(|segment| segment.map_or("", String::as_str));
    let names_crate = segments.len() > 1
        && IMPURE_CRATES.contains(&first_two[0])
        && (package, first_two[0]) != OPTIONAL_CODEC;
    let names_type = segments.last().is_some_and(|last| IMPURE_NAMES.contains(&last.as_str()))
        || segments.iter().rev().nth(1).is_some_and(|owner| IMPURE_NAMES.contains(&owner.as_str()));
    names_crate || names_type || IMPURE_MODULES.contains(&first_two)
}

#[cfg(test)]
mod tests {
    use super::{BOUNDARY, check, check_boundary, check_source};
    use crate::workspace::{Dependency, DependencyKind, Package, SourceFile};

    fn findings(package: &str, text: &str) -> Vec<String> {
        let file = SourceFile { path: "x/src/lib.rs".into(), text: text.to_owned() };
        check_source(package, &file).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rejects_each_kind_of_side_effect() {
        let cases = [
            "use tokio::sync::mpsc;",
            "use std::fs;",
            "use std::{fmt, fs::File};",
            "fn f() { std::thread::spawn(|| {}); }",
            "fn f(x: std::net::TcpStream) {}",
            "use std::net; fn f() { net::TcpListener::bind(a); }",
            "fn now() { let t = std::time::Instant::now(); }",
            "use std::time::SystemTime;",
            "fn f() { tracing::info!(\"x\"); }",
            "fn f() { println!(\"{:?}\", std::env::var(\"x\")); }",
            "use rand::random;",
            "use tokio_util::codec::Decoder;",
        ];
        for text in cases {
            assert!(!findings("margay-rib", text).is_empty(), "not seen: {text}");
        }
    }

    #[test]
    fn accepts_values_and_arithmetic() {
        let text = "//! Not a tokio task.\nuse std::net::{IpAddr, Ipv4Addr};\nuse std::time::Duration;\n\
                    use bgp_codec::Prefix;\nfn log(rand: u8) -> u8 { rand }";
        assert_eq!(findings("margay-rib", text), [""; 0]);
    }

    #[test]
    fn names_file_and_line() {
        let found = findings("margay-session", "//! Doc.\n\nuse std::time::Instant;\n");
        assert_eq!(found, ["x/src/lib.rs:3: margay-session is pure and must not use std::time::Instant"]);
    }

    #[test]
    fn the_codec_alone_may_use_tokio_util_and_only_as_an_option() {
        assert_eq!(findings("bgp-codec", "use tokio_util::codec::Decoder;"), [""; 0]);
        for (optional, expected) in [(true, 0), (false, 1)] {
            let dependency = Dependency { name: "tokio-util".to_owned(), kind: None, optional };
            assert_eq!(manifest_findings("bgp-codec", dependency), expected, "optional: {optional}");
        }
    }

    #[test]
    fn rejects_an_impure_dependency_unless_it_is_for_tests() {
        for (kind, expected) in [(None, 1), (Some(DependencyKind::Build), 1), (Some(DependencyKind::Dev), 0)]
        {
            let dependency = Dependency { name: "tokio".to_owned(), kind, optional: false };
            assert_eq!(manifest_findings("margay-rib", dependency), expected, "{kind:?}");
        }
    }

    fn manifest_findings(package: &str, dependency: Dependency) -> usize {
        let package = Package {
            name: package.to_owned(),
            manifest_path: "x/Cargo.toml".into(),
            dependencies: vec![dependency],
        };
        check(&[package], &[]).iter().filter(|finding| finding.what.contains("depend on")).count()
    }

    #[test]
    fn requires_every_line_of_the_boundary() {
        let whole = BOUNDARY.join("\n");
        let with = |text: String| SourceFile { path: "x/clippy.toml".into(), text };
        assert_eq!(check_boundary("x".as_ref(), &[]).len(), BOUNDARY.len());
        assert_eq!(check_boundary("x".as_ref(), &[with(whole.clone())]).len(), 0);
        for line in BOUNDARY {
            let found = check_boundary("x".as_ref(), &[with(whole.replace(line, ""))]);
            assert!(found.iter().any(|finding| finding.what.ends_with(line)), "{line}");
        }
    }
}

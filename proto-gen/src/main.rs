//! Makes the checked-in gRPC stubs from the workspace's `.proto` files; with `--check`, only compares them.
//!
//! A build of margay needs neither `protoc` nor this program: the stubs are sources like any other. The program stands
//! apart from `xtask`, so that the other chores do not have to build a compiler of `.proto` files.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};

/// Each `.proto` file, its package, and where its stubs stand.
const STUBS: &[Stub] = &[Stub {
    proto: "datastore/proto/etcd.proto",
    package: "etcdserverpb",
    rust: "datastore/src/api/etcd.rs",
}];

struct Stub {
    proto: &'static str,
    package: &'static str,
    rust: &'static str,
}

fn main() -> ExitCode {
    let only_compare = env::args().any(|argument| argument == "--check");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let outcome =
        STUBS.iter().try_for_each(|stub| if only_compare { stub.compare(&root) } else { stub.write(&root) });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Stub {
    fn write(&self, root: &Path) -> Result<()> {
        let path = root.join(self.rust);
        fs::write(&path, self.generate(root)?).with_context(|| path.display().to_string())
    }

    /// # Errors
    ///
    /// When the checked-in file is not what the `.proto` file gives.
    fn compare(&self, root: &Path) -> Result<()> {
        let path = root.join(self.rust);
        let checked_in = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        if checked_in != self.generate(root)? {
            bail!("{} differs from what {} gives: run `cargo xtask protos`", self.rust, self.proto);
        }
        Ok(())
    }

    fn generate(&self, root: &Path) -> Result<String> {
        let proto = root.join(self.proto);
        let folder = proto.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        let descriptors = protox::compile([&proto], [&folder]).context(self.proto)?;
        let output = tempfile::tempdir()?;
        tonic_prost_build::configure()
            .build_server(false)
            .bytes(".")
            .emit_rerun_if_changed(false)
            .out_dir(output.path())
            .compile_fds(descriptors)?;
        let code = fs::read_to_string(output.path().join(format!("{}.rs", self.package)))?;
        // A reason, which the workspace asks of each exception from a lint.
        let code = code.replace(
            "clippy::let_unit_value,\n    )]",
            "clippy::let_unit_value,\n        reason = \"generated\"\n    )]",
        );
        Ok(format!(
            "//! Stubs made from `{}` by `cargo xtask protos`; not edited by hand.\n\n{code}",
            self.proto
        ))
    }
}

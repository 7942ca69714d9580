//! Programs from the Python Package Index, each in an environment of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::command::{output, system};
use crate::packages;

/// A program from the Python Package Index.
#[derive(Clone, Copy, Debug)]
pub struct PythonTool {
    /// The name of the program.
    pub program: &'static str,
    /// The package with its version, as `pip` takes it.
    pub package: &'static str,
}

/// Tests a server by its OpenAPI document.
pub const SCHEMATHESIS: PythonTool = PythonTool { program: "schemathesis", package: "schemathesis==4.32.5" };

/// Python with Playwright, which drives a browser.
pub const PLAYWRIGHT: PythonTool = PythonTool { program: "python", package: "playwright==1.65.2" };

/// Installs a program if it is missing, and returns where it is.
///
/// # Errors
///
/// There is no Python, or the package cannot be installed.
pub fn install(tool: &PythonTool) -> Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("margay-python-{}", tool.package.replace("==", "-")));
    fs::create_dir_all(&folder)?;
    // Tests that need the same program run at the same time.
    let lock = File::create(folder.join("lock"))?;
    lock.lock().with_context(|| format!("{} cannot be locked", folder.display()))?;
    let mark = folder.join("complete");
    if !mark.exists() {
        install_in(&folder, tool)?;
        File::create(mark)?;
    }
    Ok(folder.join("bin").join(tool.program))
}

fn install_in(folder: &Path, tool: &PythonTool) -> Result<()> {
    if output(system("python3").args(["-c", "import ensurepip, venv"])).is_err() {
        packages::install(&["python3", "python3-venv"])?;
    }
    eprintln!("installing {} (pip)", tool.package);
    output(system("python3").args(["-m", "venv"]).arg(folder))?;
    let pip = folder.join("bin/pip");
    output(system(pip).args(["install", "--quiet", "--disable-pip-version-check", tool.package])).map(drop)
}

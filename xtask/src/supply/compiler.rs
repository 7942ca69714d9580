//! The oldest compiler: `rust-version` in Cargo.toml, which is only true while it is the one that CI uses.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::workspace::Workspace;

/// Fails unless the compiler is of the stated release.
///
/// # Errors
///
/// It is another one, so that nothing shows that the stated one is enough.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let manifest = fs::read_to_string(workspace.root.join("Cargo.toml"))?;
    let stated = stated(&manifest).context("Cargo.toml states no rust-version")?;
    let output =
        Command::new("rustc").arg("--version").current_dir(&workspace.root).output().context("rustc")?;
    let printed = String::from_utf8(output.stdout)?;
    let present = release(&printed).with_context(|| printed.clone())?;
    ensure!(
        stated == present,
        "Cargo.toml states rust-version {stated}, and the compiler is {present}: nothing shows that {stated} is enough"
    );
    Ok(())
}

/// `1.95` of `rust-version = "1.95"`.
fn stated(manifest: &str) -> Option<&str> {
    manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")?.strip_suffix('"'))
}

/// `1.95` of `rustc 1.95.0 (59807616e 2026-04-14)`.
fn release(printed: &str) -> Option<&str> {
    let version = printed.split_whitespace().nth(1)?;
    version.rsplit_once('.').map(|(release, _)| release)
}

#[cfg(test)]
mod tests {
    use super::{release, stated};

    #[test]
    fn reads_both_versions() {
        assert_eq!(stated("edition = \"2024\"\nrust-version = \"1.95\"\n"), Some("1.95"));
        assert_eq!(stated("rust-version.workspace = true\n"), None);
        assert_eq!(release("rustc 1.95.0 (59807616e 2026-04-14)\n"), Some("1.95"));
    }
}

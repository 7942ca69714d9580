//! Completions for shells, and manual pages, from the definition of the command line.

use std::io::Write;
use std::path::Path;

use clap::CommandFactory;

use crate::arguments::Arguments;
use crate::run_error::RunError;

/// Prints completions for a shell.
pub(crate) fn completions(shell: clap_complete::Shell, out: &mut impl Write) {
    clap_complete::generate(shell, &mut Arguments::command(), "margay", out);
}

/// Writes a page for the program and one for each command, such as `margay-show-routes.1`.
pub(crate) fn pages(folder: &Path) -> Result<(), RunError> {
    let unwritable = |error| RunError::Unwritable { file: folder.to_owned(), error };
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    clap_mangen::generate_to(Arguments::command(), folder).map_err(unwritable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_complete_commands_and_every_command_has_a_page() {
        for shell in [clap_complete::Shell::Bash, clap_complete::Shell::Zsh, clap_complete::Shell::Fish] {
            let mut text = Vec::new();
            completions(shell, &mut text);
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("undrain") && text.contains("--advertised"), "{shell}");
        }
        let folder = std::env::temp_dir().join(format!("margay-man-{}", std::process::id()));
        pages(&folder).unwrap();
        let page = std::fs::read_to_string(folder.join("margay-show-routes.1")).unwrap();
        assert!(page.contains("rejected routes too"), "{page}");
        assert!(folder.join("margay.1").exists() && folder.join("margay-drain.1").exists());
        std::fs::remove_dir_all(folder).unwrap();
    }
}

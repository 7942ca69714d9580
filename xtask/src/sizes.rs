//! The longest files and functions, as a hint where two subjects share one place.

use std::ffi::OsStr;

use anyhow::{Context as _, Result};

use crate::rust_source::functions;
use crate::workspace::{SourceFile, Workspace};

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let sources = workspace.source_files()?;
    let (mut files, mut bodies) = (Vec::new(), Vec::new());
    for source in sources.iter().filter(|source| source.path.extension() == Some(OsStr::new("rs"))) {
        files.push((source.text.lines().count(), source.path.display().to_string()));
        bodies.extend(function_sizes(source)?);
    }
    println!("Longest files, in lines");
    print_longest(files);
    println!("\nLongest functions, in lines");
    print_longest(bodies);
    Ok(())
}

fn function_sizes(source: &SourceFile) -> Result<Vec<(usize, String)>> {
    let path = source.path.display();
    let found = functions(&source.text).with_context(|| path.to_string())?;
    Ok(found.into_iter().map(|f| (f.lines, format!("{path}:{} {}", f.line, f.name))).collect())
}

fn print_longest(mut sizes: Vec<(usize, String)>) {
    const SHOWN: usize = 10;
    sizes.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    for (lines, what) in sizes.iter().take(SHOWN) {
        println!("{lines:>6}  {what}");
    }
}

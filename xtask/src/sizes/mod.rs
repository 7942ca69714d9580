//! Long files and functions, types with many methods, and circles of imports: hints where two subjects share
//! one place.

mod imports;
mod methods;

use std::ffi::OsStr;

use anyhow::{Context as _, Result};

pub(crate) use self::imports::Imports;
pub(crate) use self::methods::Methods;
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
    let (mut methods, mut circles, mut upward) = (Vec::new(), Vec::new(), Vec::new());
    for package in workspace.packages()? {
        let Some(folder) = package.manifest_path.parent() else { continue };
        let (mut of_package, mut imports) = (Methods::default(), Imports::default());
        let folder = folder.join("src");
        for source in sources.iter().filter(|source| is_product(source)) {
            let Ok(in_crate) = source.path.strip_prefix(&folder) else { continue };
            of_package.add_file(&source.text).with_context(|| source.path.display().to_string())?;
            imports.add_file(in_crate, &source.text)?;
        }
        let name = &package.name;
        let types = of_package.types().into_iter();
        methods
            .extend(types.map(|size| (size.methods, format!("{name} {}, files: {}", size.name, size.files))));
        circles.extend(
            imports.circles_of_files().into_iter().map(|circle| format!("{name}: {}", circle.join(", "))),
        );
        upward
            .extend(imports.arrows_upward().into_iter().map(|(from, to)| format!("{name}: {from} -> {to}")));
    }
    println!("\nMost methods of a type, over all files of its crate");
    print_longest(methods);
    print_all("Circles of files that import each other", &circles);
    print_all("Arrows upward, between the folders of a crate", &upward);
    Ok(())
}

/// Whether a file is Rust and not only tests.
pub(crate) fn is_product(source: &SourceFile) -> bool {
    let is_of_tests = source.path.iter().any(|part| part == "tests" || part == "tests.rs");
    source.path.extension() == Some(OsStr::new("rs")) && !is_of_tests
}

fn print_all(title: &str, lines: &[String]) {
    println!("\n{title}: {}", lines.len());
    lines.iter().for_each(|line| println!("        {line}"));
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

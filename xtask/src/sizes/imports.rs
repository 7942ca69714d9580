//! Imports between the files of a crate, and circles among them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;

use crate::rust_source::product_code;

/// Path of a module; empty for the root of the crate.
type ModulePath = Vec<String>;

/// The modules of a crate that have files of their own, and what each imports.
#[derive(Default)]
pub(crate) struct Imports {
    modules: BTreeMap<ModulePath, Module>,
}

#[derive(Default)]
struct Module {
    file: String,
    /// The paths in its code.
    named: Vec<Vec<String>>,
    /// The paths in its `pub use`: it re-exports these names and does not depend on them.
    passed_on: Vec<Vec<String>>,
}

impl Imports {
    /// Adds a file; `in_crate` is its path below the crate's `src/`.
    pub(crate) fn add_file(&mut self, in_crate: &Path, text: &str) -> Result<()> {
        let code = product_code(text)?;
        let module = Module {
            file: in_crate.display().to_string(),
            named: code.named_paths(),
            passed_on: code.passed_on(),
        };
        self.modules.insert(module_path(in_crate), module);
        Ok(())
    }

    /// The files that import each other in a circle, one list for each circle.
    pub(crate) fn circles_of_files(&self) -> Vec<Vec<&str>> {
        let arrows = self.arrows();
        let circles = circles(&arrows).into_iter();
        circles.map(|circle| circle.into_iter().map(|path| self.file(path)).collect()).collect()
    }

    /// Imports that point upward: against the order of the crate's folders with the fewest of them. Without
    /// circles of folders there are none.
    pub(crate) fn arrows_upward(&self) -> Vec<(&str, &str)> {
        let mut between_rooms = BTreeMap::<&String, BTreeMap<&String, usize>>::new();
        let arrows: Vec<_> = self
            .arrows()
            .into_iter()
            .flat_map(|(from, all)| all.into_iter().map(move |to| (from, to)))
            .collect();
        for (from, to) in arrows.iter().copied().filter_map(rooms) {
            *between_rooms.entry(from).or_default().entry(to).or_default() += 1;
        }
        let order = order_of_rooms(&between_rooms);
        let is_upward =
            |arrow: &&(_, _)| rooms(**arrow).is_some_and(|(from, to)| order.get(from) > order.get(to));
        arrows.iter().filter(is_upward).map(|&(from, to)| (self.file(from), self.file(to))).collect()
    }

    fn file(&self, path: &ModulePath) -> &str {
        self.modules.get(path).map_or("", |module| &module.file)
    }

    fn arrows(&self) -> BTreeMap<&ModulePath, BTreeSet<&ModulePath>> {
        let arrows = self.modules.iter().map(|(path, module)| {
            let targets = module.named.iter().filter_map(|named| self.target(path, named, 0));
            (path, targets.filter(|target| *target != path).collect())
        });
        arrows.collect()
    }

    /// The module that a path in `module` leads to; through a `pub use`, the module behind it.
    fn target(&self, module: &ModulePath, named: &[String], depth: usize) -> Option<&ModulePath> {
        let absolute = self.absolute(module, named)?;
        let known =
            (0..=absolute.len()).rev().find(|&length| self.modules.contains_key(&absolute[..length]))?;
        let (path, found) = self.modules.get_key_value(&absolute[..known])?;
        let name = absolute.get(known);
        let passed_on = found.passed_on.iter().find(|passed| name.is_some() && passed.last() == name);
        let behind =
            passed_on.filter(|_| depth < MOST_STEPS).and_then(|passed| self.target(path, passed, depth + 1));
        Some(behind.unwrap_or(path))
    }

    /// The path from the root of the crate; `None` for one that leads out of it. A single name leads nowhere:
    /// it is `self`, a variable, or a visibility.
    fn absolute(&self, module: &ModulePath, named: &[String]) -> Option<ModulePath> {
        let (first, rest) = named.split_first().filter(|(_, rest)| !rest.is_empty())?;
        let ups = named.iter().take_while(|name| *name == "super").count();
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([module, rest].concat()),
            "super" => Some([&module[..module.len().checked_sub(ups)?], &named[ups..]].concat()),
            _ => {
                let child = [module.as_slice(), std::slice::from_ref(first)].concat();
                self.modules.contains_key(&child).then(|| [child.as_slice(), rest].concat())
            }
        }
    }
}

/// Number of `pub use` that a name may pass.
const MOST_STEPS: usize = 8;

/// The folders at both ends of an import, if they differ.
fn rooms<'a>((from, to): (&'a ModulePath, &'a ModulePath)) -> Option<(&'a String, &'a String)> {
    match (from.first(), to.first()) {
        (Some(from), Some(to)) if from != to => Some((from, to)),
        _ => None,
    }
}

fn module_path(in_crate: &Path) -> ModulePath {
    let without_ending = in_crate.with_extension("");
    let mut path: ModulePath =
        without_ending.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if path.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        path.pop();
    }
    path
}

/// The strongly connected components of more than one node.
fn circles<'a, N: Ord>(arrows: &BTreeMap<&'a N, BTreeSet<&'a N>>) -> Vec<Vec<&'a N>> {
    let reachable = |start: &'a N| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![start]);
        while let Some(node) = next.pop() {
            let new = arrows.get(node).into_iter().flatten().filter(|to| seen.insert(**to));
            next.extend(new);
        }
        seen
    };
    let from: BTreeMap<&N, BTreeSet<&N>> = arrows.keys().map(|&node| (node, reachable(node))).collect();
    let circle = |node: &&'a N| -> BTreeSet<&'a N> {
        let there = from.get(node).into_iter().flatten().copied();
        there.filter(|other| from.get(other).is_some_and(|back| back.contains(node))).collect()
    };
    let circles: BTreeSet<BTreeSet<&N>> = from.keys().map(circle).filter(|circle| circle.len() > 1).collect();
    circles.into_iter().map(|circle| circle.into_iter().collect()).collect()
}

/// An order of the folders, importing ones first, with few imports against it: the folder with the largest
/// excess of outgoing over incoming imports comes next.
fn order_of_rooms<'a>(
    arrows: &BTreeMap<&'a String, BTreeMap<&'a String, usize>>,
) -> BTreeMap<&'a String, usize> {
    let mut left: BTreeSet<&String> =
        arrows.iter().flat_map(|(from, all)| all.keys().chain([from])).copied().collect();
    let mut order = BTreeMap::new();
    while !left.is_empty() {
        let count =
            |from: &String, to: &String| arrows.get(from).and_then(|all| all.get(to)).copied().unwrap_or(0);
        let into = |room: &String| left.iter().map(|other| count(other, room)).sum::<usize>();
        let out = |room: &String| left.iter().map(|other| count(room, other)).sum::<usize>();
        let Some(next) = left
            .iter()
            .copied()
            .min_by_key(|room| (into(room) > 0, into(room) as isize - out(room) as isize))
        else {
            break;
        };
        left.remove(next);
        order.insert(next, order.len());
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(files: &[(&str, &str)]) -> Imports {
        let mut imports = Imports::default();
        for (path, text) in files {
            imports.add_file(Path::new(path), text).unwrap();
        }
        imports
    }

    #[test]
    fn a_reexported_name_leads_to_its_file() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use a::Low;"),
            ("a/mod.rs", "mod low; pub(crate) use self::low::Low; use crate::b::B;"),
            ("a/low.rs", "pub struct Low;"),
            ("b.rs", "use crate::a::Low; pub struct B;"),
        ];
        let imports = imports(&files);
        assert_eq!(imports.circles_of_files(), Vec::<Vec<&str>>::new(), "b needs low, and a needs b");
        assert_eq!(imports.arrows_upward(), [("b.rs", "a/low.rs")], "but the rooms need each other");
    }

    #[test]
    fn a_visibility_is_not_an_import() {
        let files = [
            ("room/mod.rs", "mod part; use self::part::f;"),
            ("room/part.rs", "pub(in crate::room) fn f() {} impl S { pub(in crate::room) fn g(&self) {} }"),
        ];
        assert_eq!(imports(&files).circles_of_files(), Vec::<Vec<&str>>::new());
        let tuple =
            [("a.rs", "use crate::b::B; pub struct A;"), ("b.rs", "pub struct B(pub (crate::a::A));")];
        assert_eq!(imports(&tuple).circles_of_files(), [["a.rs", "b.rs"]], "a type in parentheses");
    }

    #[test]
    fn circles_are_found_and_tests_do_not_close_them() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::B; fn f() { crate::c::g() }"),
            ("b.rs", "use super::a::A;"),
            ("c.rs", "#[cfg(test)]\nmod tests { use crate::a::A; }"),
        ];
        let imports = imports(&files);
        assert_eq!(imports.circles_of_files(), [["a.rs", "b.rs"]]);
        assert_eq!(imports.arrows_upward().len(), 1);
    }
}

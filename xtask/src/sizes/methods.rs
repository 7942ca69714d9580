//! Number of methods of each type, over all files of its crate.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::rust_source::product_code;

/// The `impl` blocks of a crate, file by file.
#[derive(Default)]
pub(crate) struct Methods {
    blocks: Vec<Block>,
    traits: BTreeSet<String>,
    files: usize,
}

struct Block {
    file: usize,
    of_type: String,
    of_trait: Option<String>,
    methods: usize,
}

/// The methods of one type.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct TypeSize {
    pub(crate) name: String,
    pub(crate) methods: usize,
    pub(crate) files: usize,
}

impl Methods {
    /// Adds a file of the crate. Code for tests does not count.
    pub(crate) fn add_file(&mut self, text: &str) -> Result<()> {
        self.files += 1;
        self.add_items(product_code(text)?.code);
        Ok(())
    }

    /// The methods of each type: its own, and those of traits of the same crate.
    pub(crate) fn types(&self) -> Vec<TypeSize> {
        let mut types = BTreeMap::<&str, (usize, BTreeSet<usize>)>::new();
        for block in &self.blocks {
            if block.of_trait.as_ref().is_none_or(|name| self.traits.contains(name)) {
                let (methods, files) = types.entry(&block.of_type).or_default();
                *methods += block.methods;
                files.insert(block.file);
            }
        }
        let sizes = types.into_iter().map(|(name, (methods, files))| TypeSize {
            name: name.to_owned(),
            methods,
            files: files.len(),
        });
        sizes.collect()
    }

    fn add_items(&mut self, stream: TokenStream) {
        // The tokens of the present item, up to its semicolon or braces.
        let mut item = Vec::new();
        for tree in stream {
            match tree {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    self.add_item(&item, &group);
                    item.clear();
                }
                TokenTree::Punct(punct) if punct.as_char() == ';' => item.clear(),
                other => item.push(other),
            }
        }
    }

    fn add_item(&mut self, head: &[TokenTree], body: &Group) {
        let mut words = head.iter().enumerate().filter_map(|(at, tree)| match tree {
            TokenTree::Ident(word) => Some((at, word.to_string())),
            TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => None,
        });
        let Some((at, keyword)) = words.find(|(_, word)| !["pub", "unsafe"].contains(&word.as_str())) else {
            return;
        };
        match keyword.as_str() {
            "impl" => {
                let (of_trait, of_type) = named_by(&head[at + 1..]);
                let Some(of_type) = of_type else { return };
                let methods = count_functions(body.stream());
                self.blocks.push(Block { file: self.files, of_type, of_trait, methods });
            }
            "trait" => self.traits.extend(words.next().map(|(_, name)| name)),
            "mod" => self.add_items(body.stream()),
            _ => {}
        }
    }
}

/// The trait and the type between `impl` and the braces.
fn named_by(head: &[TokenTree]) -> (Option<String>, Option<String>) {
    let (mut of_trait, mut name, mut depth) = (None, None, 0);
    for (at, tree) in head.iter().enumerate() {
        match tree {
            TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
            TokenTree::Punct(punct) if punct.as_char() == '>' && !is_arrow(head, at) => depth -= 1,
            TokenTree::Ident(word) if depth == 0 && word == "for" => of_trait = name.take(),
            TokenTree::Ident(word) if depth == 0 && word == "where" => break,
            TokenTree::Ident(word) if depth == 0 => name = Some(word.to_string()),
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Group(_) | TokenTree::Literal(_) => {}
        }
    }
    (of_trait, name)
}

/// Whether the `>` at this place ends a `->`.
fn is_arrow(head: &[TokenTree], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| head.get(before));
    matches!(before, Some(TokenTree::Punct(punct)) if punct.as_char() == '-')
}

fn count_functions(body: TokenStream) -> usize {
    let trees: Vec<TokenTree> = body.into_iter().collect();
    let is_function =
        |pair: &&[TokenTree]| matches!(pair, [TokenTree::Ident(word), TokenTree::Ident(_)] if word == "fn");
    trees.windows(2).filter(is_function).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_of_all_files_count_except_those_of_foreign_traits() {
        let mut methods = Methods::default();
        methods
            .add_file(
                "pub(crate) trait Own { fn a(&self); }
                 struct S<T>(fn(T));
                 impl<T: Fn() -> u8> S<T> where T: Copy { pub fn b(&self) -> impl Own { fn(1) } const fn c() {} }
                 impl<T> std::fmt::Display for S<T> { fn fmt(&self) {} }
                 #[cfg(test)] mod tests { impl S { fn d() {} } }",
            )
            .unwrap();
        methods.add_file("impl<T> super::Own for crate::S<T> { fn a(&self) {} } impl Other {}").unwrap();
        let size = |name: &str, methods, files| TypeSize { name: name.to_owned(), methods, files };
        assert_eq!(methods.types(), [size("Other", 0, 1), size("S", 3, 2)]);
    }
}

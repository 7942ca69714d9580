//! Analysis of Rust files: the paths they name, the lengths of functions, and code for tests only.

use std::iter::Peekable;
use std::str::FromStr as _;

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree, token_stream};

/// A path in code, with `use` groups expanded: `std::net::TcpStream`.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct NamedPath {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) segments: Vec<String>,
}

/// A function with a body.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Counted from 1.
    pub(crate) line: usize,
    /// From `fn` to the closing brace.
    pub(crate) lines: usize,
}

/// Every path in the text, including macros, but not comments, literals and visibilities.
pub(crate) fn named_paths(text: &str) -> Result<Vec<NamedPath>> {
    let mut paths = Vec::new();
    collect_paths(tokens(text)?, &[], &mut paths);
    Ok(paths)
}

/// The code of a file that a product is built from.
pub(crate) struct ProductCode {
    /// Without code for tests, and without `pub use`.
    pub(crate) code: TokenStream,
    /// Each `pub use` without its first word.
    passed_on: Vec<TokenStream>,
}

impl ProductCode {
    /// The paths in the code.
    pub(crate) fn named_paths(&self) -> Vec<Vec<String>> {
        segments(self.code.clone())
    }

    /// The paths in `pub use`.
    pub(crate) fn passed_on(&self) -> Vec<Vec<String>> {
        self.passed_on.iter().cloned().flat_map(segments).collect()
    }
}

/// Splits the items of a file: drops those under `#[cfg(test)]`, and separates each `pub use`.
pub(crate) fn product_code(text: &str) -> Result<ProductCode> {
    let (mut code, mut passed_on) = (TokenStream::new(), Vec::new());
    let mut item: Vec<TokenTree> = Vec::new();
    for tree in tokens(text)? {
        let is_end = match &tree {
            TokenTree::Punct(punct) => punct.as_char() == ';',
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !is_use(&item),
            TokenTree::Ident(_) | TokenTree::Literal(_) => false,
        };
        item.push(tree);
        if !is_end {
            continue;
        }
        let item = std::mem::take(&mut item);
        if item.iter().any(is_test_attribute) {
            continue;
        }
        if is_use(&item) && item.iter().any(|tree| matches!(tree, TokenTree::Ident(word) if word == "pub")) {
            passed_on.push(item.into_iter().skip_while(|tree| !is_word(tree, "use")).skip(1).collect());
        } else {
            code.extend(item);
        }
    }
    code.extend(item);
    Ok(ProductCode { code, passed_on })
}

fn is_use(item: &[TokenTree]) -> bool {
    item.iter().any(|tree| is_word(tree, "use"))
}

fn is_word(tree: &TokenTree, wanted: &str) -> bool {
    matches!(tree, TokenTree::Ident(word) if word == wanted)
}

/// Whether this is the group of a `#[cfg(test)]`.
fn is_test_attribute(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket
        && group.stream().to_string().replace(' ', "") == "cfg(test)")
}

fn segments(stream: TokenStream) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    collect_paths(stream, &[], &mut paths);
    paths.into_iter().map(|path| path.segments).collect()
}

/// Every function with a body, including nested ones.
pub(crate) fn functions(text: &str) -> Result<Vec<Function>> {
    let mut functions = Vec::new();
    collect_functions(tokens(text)?, &mut functions);
    Ok(functions)
}

fn tokens(text: &str) -> Result<TokenStream> {
    TokenStream::from_str(text).map_err(|error| anyhow!("line {}: {error}", error.span().start().line))
}

fn collect_paths(stream: TokenStream, prefix: &[String], paths: &mut Vec<NamedPath>) {
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Ident(word) if word == "pub" => {
                trees.next_if(is_place_of_visibility);
            }
            TokenTree::Ident(first) => {
                let line = first.span().start().line;
                let mut segments = prefix.to_vec();
                segments.push(first.to_string());
                match rest_of_path(&mut trees, &mut segments) {
                    Some(group) => collect_paths(group.stream(), &segments, paths),
                    None => paths.push(NamedPath { line, segments }),
                }
            }
            TokenTree::Group(group) => collect_paths(group.stream(), prefix, paths),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Whether this is the group of a `pub(in path)`: the path names where the item is visible and imports nothing.
fn is_place_of_visibility(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis
        && group.stream().into_iter().next().is_some_and(|first| is_word(&first, "in")))
}

/// Takes `::name` as often as it occurs; returns the braces of a `use` group if the path ends in one.
fn rest_of_path(trees: &mut Peekable<token_stream::IntoIter>, segments: &mut Vec<String>) -> Option<Group> {
    loop {
        let mut ahead = trees.clone();
        let colons =
            (&mut ahead).take(2).all(|tree| matches!(tree, TokenTree::Punct(p) if p.as_char() == ':'));
        let next = ahead.next().filter(|_| colons)?;
        match next {
            TokenTree::Ident(name) => segments.push(name.to_string()),
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                *trees = ahead;
                return Some(group);
            }
            TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => return None,
        }
        *trees = ahead;
    }
}

fn collect_functions(stream: TokenStream, functions: &mut Vec<Function>) {
    let mut open: Option<(String, usize)> = None;
    let mut after_fn = false;
    for tree in stream {
        match tree {
            TokenTree::Ident(name) if after_fn => {
                open = Some((name.to_string(), name.span().start().line));
                after_fn = false;
            }
            TokenTree::Ident(word) => after_fn = word == "fn",
            TokenTree::Group(group) => {
                if group.delimiter() == Delimiter::Brace
                    && let Some((name, line)) = open.take()
                {
                    functions.push(Function { name, line, lines: group.span_close().end().line - line + 1 });
                }
                collect_functions(group.stream(), functions);
                after_fn = false;
            }
            TokenTree::Punct(punct) => {
                after_fn = false;
                if punct.as_char() == ';' {
                    open = None;
                }
            }
            TokenTree::Literal(_) => after_fn = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Function, functions, named_paths};

    fn joined(text: &str) -> Vec<String> {
        named_paths(text).unwrap().into_iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn unfolds_use_groups() {
        let text = "use std::{fs, net::{IpAddr, TcpStream as Stream}};";
        let paths = joined(text);
        for wanted in ["std::fs", "std::net::IpAddr", "std::net::TcpStream"] {
            assert!(paths.iter().any(|path| path == wanted), "{wanted} is not among {paths:?}");
        }
    }

    #[test]
    fn sees_paths_inside_macros_but_not_in_comments_and_strings() {
        let text = "//! tokio::a\nfn f() { /* tokio::b */ println!(\"tokio::c\", x::y()); }";
        let paths = joined(text);
        assert!(paths.contains(&"x::y".to_owned()), "{paths:?}");
        assert!(!paths.iter().any(|path| path.starts_with("tokio")), "{paths:?}");
    }

    #[test]
    fn counts_the_line_of_a_path_from_one() {
        let paths = named_paths("\n\nuse a::b;").unwrap();
        assert_eq!(paths.last().map(|path| path.line), Some(3));
    }

    #[test]
    fn measures_functions_from_their_name_to_the_closing_brace() {
        let text = "trait T { fn none(&self) -> [u8; 2]; }\nfn three(a: u8) -> u8 {\n  a\n}\nfn one() {}";
        let found = functions(text).unwrap();
        let expected = [("three", 2, 3), ("one", 5, 1)].map(|(name, line, lines)| Function {
            name: name.to_owned(),
            line,
            lines,
        });
        assert_eq!(found, expected);
    }
}

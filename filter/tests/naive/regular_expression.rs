//! A regular expression matcher by backtracking: slow, and short enough to be seen right.

/// Whether there is a match anywhere in the text. `_` is a border of AS paths.
pub(crate) fn is_match(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let tree = alternatives(&pattern, &mut 0);
    (0..=text.len()).any(|start| run(&tree, &text, start, &mut |_| true))
}

enum Node {
    Any(Vec<Self>),
    All(Vec<Self>),
    Repeat(Box<Self>, bool, bool),
    One(Box<dyn Fn(char) -> bool>),
    Start,
    End,
    Border,
}

fn alternatives(pattern: &[char], at: &mut usize) -> Node {
    let mut members = vec![sequence(pattern, at)];
    while pattern.get(*at) == Some(&'|') {
        *at += 1;
        members.push(sequence(pattern, at));
    }
    Node::Any(members)
}

fn sequence(pattern: &[char], at: &mut usize) -> Node {
    let mut members = Vec::new();
    while let Some(&character) = pattern.get(*at) {
        if character == '|' || character == ')' {
            break;
        }
        *at += 1;
        let mut node = match character {
            '(' => {
                let inner = alternatives(pattern, at);
                *at += 1;
                inner
            }
            '[' => class(pattern, at),
            '^' => Node::Start,
            '$' => Node::End,
            '_' => Node::Border,
            '.' => Node::One(Box::new(|_| true)),
            '\\' => {
                let escaped = pattern[*at];
                *at += 1;
                Node::One(Box::new(move |found| found == escaped))
            }
            literal => Node::One(Box::new(move |found| found == literal)),
        };
        while let Some(sign @ ('*' | '+' | '?')) = pattern.get(*at) {
            *at += 1;
            node = Node::Repeat(Box::new(node), *sign == '+', *sign != '?');
        }
        members.push(node);
    }
    Node::All(members)
}

fn class(pattern: &[char], at: &mut usize) -> Node {
    let is_negated = pattern[*at] == '^';
    *at += usize::from(is_negated);
    let mut ranges = Vec::new();
    while pattern[*at] != ']' {
        let first = pattern[*at];
        let last = if pattern[*at + 1] == '-' && pattern[*at + 2] != ']' {
            *at += 2;
            pattern[*at]
        } else {
            first
        };
        *at += 1;
        ranges.push(first..=last);
    }
    *at += 1;
    Node::One(Box::new(move |found| ranges.iter().any(|range| range.contains(&found)) != is_negated))
}

fn run(node: &Node, text: &[char], at: usize, then: &mut dyn FnMut(usize) -> bool) -> bool {
    match node {
        Node::Any(members) => members.iter().any(|member| run(member, text, at, then)),
        Node::All(members) => all(members, text, at, then),
        Node::Repeat(inner, once, often) => {
            if *once {
                return run(inner, text, at, &mut |end| repeat(inner, *often, text, end, then));
            }
            repeat(inner, *often, text, at, then)
        }
        Node::One(is) => text.get(at).is_some_and(|&found| is(found)) && then(at + 1),
        Node::Start => at == 0 && then(at),
        Node::End => at == text.len() && then(at),
        Node::Border => {
            (at == 0 || at == text.len()) && then(at)
                || text.get(at).is_some_and(|found| " ,{}()[]".contains(*found)) && then(at + 1)
        }
    }
}

fn all(members: &[Node], text: &[char], at: usize, then: &mut dyn FnMut(usize) -> bool) -> bool {
    match members.split_first() {
        None => then(at),
        Some((first, rest)) => run(first, text, at, &mut |end| all(rest, text, end, then)),
    }
}

fn repeat(inner: &Node, often: bool, text: &[char], at: usize, then: &mut dyn FnMut(usize) -> bool) -> bool {
    then(at)
        || run(inner, text, at, &mut |end| {
            if often && end > at { repeat(inner, often, text, end, then) } else { end > at && then(end) }
        })
}

#[test]
fn the_matcher_itself() {
    let rows = [
        ("^a*b$", "aab", true),
        ("^a*b$", "aac", false),
        ("x(ab|c)+y", "zxabcaby", true),
        ("[^0-9]", "123", false),
        ("_7_", "6 7", true),
        ("_7_", "6 77", false),
    ];
    for (pattern, text, expected) in rows {
        assert_eq!(is_match(pattern, text), expected, "{pattern} on {text}");
    }
}

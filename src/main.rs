//! margayd.

fn main() {}

//! Load generator and benchmarks against other daemons.

fn main() {}

//! The `leeway` program.

fn main() {}

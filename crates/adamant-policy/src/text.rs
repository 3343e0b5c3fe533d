//! Bytes to a tree, and problems back to text. Knows YAML and nothing of the language written in it.

mod parse;
mod render;
mod source;

pub use parse::{Parsed, parse};
pub use render::{Color, SHOWN_MAX, json_lines, render};
pub use source::Source;

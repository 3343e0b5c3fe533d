//! Memory for bodies that are held whole.

use adamant_filter::{Size, Span};

/// How much memory bodies may take that filters see whole.
#[derive(Clone, Copy, Debug)]
pub struct Bodies {
    /// Of all of them together.
    pub memory: Size,
    /// Place of the key in the file; nowhere where it is not written.
    pub span: Span,
}

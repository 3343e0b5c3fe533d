//! `bodies:` how much memory bodies may take that filters see whole.

use adamant_filter::{Node, Problem, Size, Span, Spanned};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Context;
use crate::config::Bodies;

/// Without the key.
const DEFAULT: Size = Size::from_bytes(256 * 1024 * 1024);

/// One answer or request of a common size must fit.
const LEAST: Size = Size::from_bytes(1024 * 1024);

/// Bodies that are held whole, since a filter has to see them to their end before they go on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct BodiesEntry {
    /// Memory of all of them together, such as `256MiB`, which is the default; at least `1MiB`. What would take more
    /// is refused with status 503; exchanges whose bodies are not held never are.
    memory: Spanned<Size>,
}

pub(super) fn read(node: &Node, key_span: Span, context: &mut Context<'_>) -> Option<Bodies> {
    let BodiesEntry { memory } = context.read(node)?;
    if memory.value < LEAST {
        let message = format!("`memory` is at least {LEAST}, and this is {}", memory.value);
        context.tell(Problem::new("values.range", message).with_span(memory.span));
    }
    Some(Bodies {
        memory: memory.value,
        span: key_span,
    })
}

impl Default for Bodies {
    fn default() -> Self {
        Self {
            memory: DEFAULT,
            span: Span::default(),
        }
    }
}

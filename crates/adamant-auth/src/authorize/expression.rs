//! An expression of `authorize` (Common Expression Language), checked once and evaluated for each request.
//!
//! Bounded: no loops, so that an evaluation looks at each part of the text at most once, and each part at most
//! at the whole request. What cannot be evaluated is told as `None`, never as true or false.

mod kinds;
mod view;

use std::fmt;
use std::sync::Arc;

use adamant_filter::prelude::*;
use cel::common::types::CelBool;
use cel::parser::PrattParser;
use cel::{Context, Env, IdedExpr, Value};

use self::kinds::Kinds;
use self::view::View;

/// Longest text.
const BYTES_MAX: usize = 1024;

/// How deep parts may stand in each other: reading, checking and evaluating go as deep on the stack.
const DEPTH_MAX: usize = 32;

/// Most names, values and operators.
const PARTS_MAX: usize = 256;

/// A checked expression.
pub(super) struct Expression {
    root: IdedExpr,
    /// The functions of the language. Made once: each costs a hundred allocations.
    functions: Arc<Env>,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expression").finish_non_exhaustive()
    }
}

impl Expression {
    /// Reads and checks `text`; asks `boot` for the parameters of the path that it names.
    pub(super) fn of(text: &str, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        let wrong = |message: String| Problem::at("expression", message);
        if text.len() > BYTES_MAX {
            return Err(wrong(format!("an expression has at most {BYTES_MAX} bytes")));
        }
        if brackets(text) > DEPTH_MAX {
            return Err(wrong(format!(
                "brackets stand at most {DEPTH_MAX} deep in each other"
            )));
        }
        let parser = PrattParser::new()
            .max_expression_node_count(PARTS_MAX)
            .error_reporting_limit(1);
        let root = parser.parse(text.trim()).map_err(|errors| {
            let (column, said) = errors
                .errors
                .first()
                .map_or((0, "it is empty"), |error| (error.pos.1, error.msg.as_str()));
            wrong(format!("this is not an expression (character {column}): {said}"))
                .with_help("expressions are written in CEL, such as `identity.plan == 'gold'`")
        })?;
        let mut kinds = Kinds::up_to(DEPTH_MAX);
        kinds.check(&root).map_err(|mistake| match mistake.help {
            Some(help) => wrong(mistake.message).with_help(help),
            None => wrong(mistake.message),
        })?;
        kinds.captures.iter().for_each(|name| boot.capture(name));
        Ok(Self {
            root,
            functions: Arc::new(Env::default().with_optional_support(false).with_stdlib()),
        })
    }

    /// Whether it is true for this request; `None` when it cannot be evaluated. Allocates: values of the
    /// language live on the heap.
    pub(super) fn holds(&self, request: &Request, identity: &Identity) -> Option<bool> {
        let view = View { request, identity };
        let mut context = Context::with_env(Arc::clone(&self.functions));
        context.set_variable_resolver(&view);
        let value = Value::resolve_val(&self.root, &context).ok()?;
        value.downcast_ref::<CelBool>().map(|truth| *truth.inner())
    }
}

/// How deep brackets stand in each other, those in texts included.
fn brackets(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut most = 0;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    most
}

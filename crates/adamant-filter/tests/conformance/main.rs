//! The conformance kit: a filter that keeps everything passes, and for each thing it tries there is one that fails.
#![allow(clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod broken;

use adamant_filter::prelude::*;
use adamant_filter::serde_json::json;
use adamant_filter::trial::{Heap, conformance};

#[global_allocator]
static HEAP: Heap = Heap;

/// Bounds bodies.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct GoodConfig {
    /// Longest body.
    at_most: Size,
}

struct Good {
    at_most: u64,
    seen: Word,
}

impl Filter for Good {
    const NAME: &'static str = "good";
    const ROLE: Role = Role::Guard;
    const REASONS: &'static [&'static Reason] = &[&Self::LONG];
    type Config = GoodConfig;

    fn build(config: GoodConfig, boot: &mut Boot<'_>) -> Result<Self, Problem> {
        Ok(Self {
            at_most: config.at_most.bytes(),
            seen: boot.word(),
        })
    }

    fn hooks(&self, hooks: Hooks<Self>) -> Hooks<Self> {
        hooks.request_body(Self::piece)
    }
}

impl Good {
    const LONG: Reason = Reason::new("long", 413, "the body is too long");

    fn piece(&self, request: &mut Request, chunk: &mut Chunk) -> Verdict {
        let seen = request.word(self.seen) + chunk.data().len() as u64;
        request.set_word(self.seen, seen);
        if seen > self.at_most {
            return Self::LONG.deny();
        }
        Verdict::Pass
    }
}

conformance!(good: Good, [json!({"at-most": "20B"}), json!({"at-most": "1KiB"})]);

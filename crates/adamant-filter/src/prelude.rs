//! Everything that the author of a filter usually needs. Never holds anything of its own.

pub use http::header::{HeaderName, HeaderValue};
pub use http::{Method, StatusCode};
// The derive of `JsonSchema` names the crate `schemars`, which authors need not depend on themselves.
pub use schemars::{self, JsonSchema};
pub use serde::{Deserialize, Serialize};

pub use crate::{
    Answered, Attempt, Boot, ByteRate, Chunk, Cidr, Denial, Detail, Details, Fault, Fields, Filter, Finished,
    Hooks, Identity, Key, KeyBy, MayRead, Over, Percent, Period, Place, Problem, Rate, Reads, Reason, Reply,
    Request, Response, Role, Secret, SecretRef, Single, Size, Slot, Spanned, Tick, Verdict, Wall, Word,
    Writes,
};

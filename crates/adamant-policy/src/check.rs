//! Cross references and meaning: what no part of the file can know alone. Every check is one function with
//! one code, and none is a warning.

mod addresses;
mod consumers;
mod names;
mod priorities;
mod reach;
mod timeouts;
mod upgrades;

use crate::language::{Context, Draft};

/// Runs every check over what could be read.
pub(crate) fn check(draft: &Draft, context: &mut Context<'_>) {
    names::route_names(draft, context);
    names::step_ids(draft, context);
    names::unused(draft, context);
    names::policies_twice(draft, context);
    consumers::identities(draft, context);
    consumers::proofs(draft, context);
    priorities::without_overload(draft, context);
    addresses::binds(draft, context);
    addresses::redirects(draft, context);
    reach::listeners(draft, context);
    reach::routes(draft, context);
    timeouts::never_expires(draft, context);
    upgrades::websockets(draft, context);
}

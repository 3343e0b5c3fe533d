//! What the program asks of its allocator around the boot: memory that is freed goes back at once while a
//! policy is built, and later only when that costs nothing.
//!
//! Belongs to the binary and not to the library: a custom binary may have another allocator.

use std::ffi::{c_int, c_long};
use std::sync::atomic::{AtomicI64, Ordering};

/// `mi_option_purge_delay`: milliseconds for which freed pages are kept. Options keep their numbers from
/// version to version; those that end leave a gap.
const PURGE_DELAY: c_int = 15;

/// What the delay is while the gateway serves.
static SERVING: AtomicI64 = AtomicI64::new(0);

#[expect(
    unsafe_code,
    reason = "functions of the allocator that its crate does not wrap"
)]
mod mimalloc {
    use super::{c_int, c_long};

    unsafe extern "C" {
        pub(super) safe fn mi_option_get(option: c_int) -> c_long;
        pub(super) safe fn mi_option_set(option: c_int, value: c_long);
        pub(super) safe fn mi_collect(force: bool);
    }
}

/// A policy is about to be built: its text, its tree and its configuration come and go, and would else
/// stay with an idle gateway for ever, because the allocator looks for pages to give back only while it is
/// asked for more.
pub(crate) fn before_boot() {
    SERVING.store(mimalloc::mi_option_get(PURGE_DELAY), Ordering::Relaxed);
    mimalloc::mi_option_set(PURGE_DELAY, 0);
}

/// The policy is built.
pub(crate) fn before_serving() {
    mimalloc::mi_collect(true);
    mimalloc::mi_option_set(PURGE_DELAY, SERVING.load(Ordering::Relaxed));
}

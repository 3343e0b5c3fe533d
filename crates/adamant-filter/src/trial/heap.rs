//! Counts what a test holds on the heap, so that a declared bound can be held against what is really kept.
//!
//! Counts each thread for itself: what one thread takes and another one gives back is not followed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counting. One line in the crate of the tests switches it on:
///
/// ```ignore
/// #[global_allocator]
/// static HEAP: adamant_filter::trial::Heap = adamant_filter::trial::Heap;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Heap;

thread_local! {
    // Constant and without a destructor: using it allocates nothing.
    static HELD: Cell<i64> = const { Cell::new(0) };
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

fn count(bytes: usize, sign: i64) {
    // No allocation is longer than `isize::MAX`.
    HELD.set(HELD.get() + sign * i64::try_from(bytes).unwrap_or(i64::MAX));
}

impl Heap {
    /// Bytes that this thread has taken and not given back.
    #[must_use]
    pub fn held() -> i64 {
        HELD.get()
    }

    /// Bytes that this thread has ever taken: a measure of work that is the same on each run.
    #[must_use]
    pub fn taken() -> u64 {
        TAKEN.get()
    }

    /// Whether this allocator is the one of the process.
    #[must_use]
    pub fn is_counting() -> bool {
        let before = Self::held();
        let taken = std::hint::black_box(Box::new([0_u8; 64]));
        let is_counting = Self::held() != before;
        drop(taken);
        is_counting
    }
}

#[allow(unsafe_code, reason = "an allocator cannot be written without it")]
// SAFETY: every call is handed to the system's allocator as it came, so its guarantees are ours; counting touches a
// thread-local cell only and never allocates.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        TAKEN.set(TAKEN.get().wrapping_add(layout.size() as u64));
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: `place` came from `alloc` above with this `layout`, hence from the system's allocator.
        unsafe { System.dealloc(place, layout) }
    }
}

//! The allocator of this test binary: it counts the heap calls of all threads that serve.
//!
//! A call is an allocation or a reallocation. Nothing else may be here: it is the one file of these tests
//! that needs `unsafe`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

struct Counting;

thread_local! {
    static IS_APART: Cell<bool> = const { Cell::new(false) };
}

static CALLS: AtomicU64 = AtomicU64::new(0);

/// Heap calls of all threads that do not stand apart.
pub(crate) fn calls() -> u64 {
    CALLS.load(Ordering::Relaxed)
}

/// This thread is a client or an origin, and none of those that are counted together.
pub(crate) fn stand_apart() {
    IS_APART.set(true);
}

fn count() {
    if !IS_APART.get() {
        CALLS.fetch_add(1, Ordering::Relaxed);
    }
}

#[allow(unsafe_code, reason = "a global allocator cannot be written without it")]
// SAFETY: every call goes to the system's allocator with the same arguments, so its guarantees hold; the
// counter is an atomic number and the mark a plain cell without a destructor, which may be touched at any
// time of a thread's life.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on unchanged.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on unchanged.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on unchanged.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

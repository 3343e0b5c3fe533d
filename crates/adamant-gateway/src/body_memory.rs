//! The memory that held bodies take, of all exchanges together.
//!
//! It counts and refuses; it holds no bytes itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What bodies may take in all.
#[derive(Debug)]
pub(crate) struct BodyMemory {
    most: u64,
    taken: Arc<AtomicU64>,
}

impl BodyMemory {
    pub(crate) fn of(most: u64) -> Self {
        Self {
            most,
            taken: Arc::default(),
        }
    }
}

/// What the bodies of one exchange take; given back when it ends.
#[derive(Debug, Default)]
pub(crate) struct HeldBytes {
    count: u64,
    of: Option<Arc<AtomicU64>>,
}

impl HeldBytes {
    /// Takes so many bytes more. `false`, and nothing is taken, when there are not so many.
    pub(crate) fn grow(&mut self, memory: &BodyMemory, bytes: usize) -> bool {
        let bytes = bytes as u64;
        let before = memory.taken.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > memory.most {
            memory.taken.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.count += bytes;
        self.of.get_or_insert_with(|| Arc::clone(&memory.taken));
        true
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        if let Some(taken) = &self.of {
            taken.fetch_sub(self.count, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_gives_its_bytes_back() {
        let memory = BodyMemory::of(100);
        let (mut one, mut two) = (HeldBytes::default(), HeldBytes::default());
        assert!(one.grow(&memory, 60) && two.grow(&memory, 40));
        assert!(!two.grow(&memory, 1), "there are no more");
        drop(one);
        assert!(two.grow(&memory, 60));
        drop(two);
        assert_eq!(memory.taken.load(Ordering::Relaxed), 0);
    }
}

//! A byte queue that borrows its memory from a free list of the worker and gives it back when empty.
//!
//! An idle connection holds none of this memory, and a busy one never allocates for it: blocks travel
//! between the connections of a worker. It never grows beyond what its owner asks for.

use std::cell::RefCell;

use bytes::Bytes;

/// Bytes of a block: a usual request or answer fits, and five thousand of them are 40 MiB.
pub(super) const BLOCK: usize = 8 * 1024;

/// Blocks that a worker keeps for later; more are freed (2 MiB per worker).
const SPARE_BLOCKS_MAX: usize = 256;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes between `start` and `end` of a block; no block while empty.
#[derive(Default)]
pub(crate) struct Buffer {
    /// Initialised to its full length, so that it can be handed out as a slice.
    block: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// The bytes that wait.
    #[inline]
    pub(crate) fn filled(&self) -> &[u8] {
        self.block.get(self.start..self.end).unwrap_or_default()
    }

    /// Number of bytes that wait.
    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Nothing waits.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Bytes that fit without more memory than a block.
    #[inline]
    pub(super) fn room(&self) -> usize {
        self.block.len().max(BLOCK) - self.end
    }

    /// Free space behind the waiting bytes; a block is taken from the free list when there is none.
    #[inline]
    pub(super) fn spare(&mut self) -> &mut [u8] {
        if self.block.is_empty() {
            self.block = take_block();
        }
        self.block.get_mut(self.end..).unwrap_or_default()
    }

    /// Declare the first `count` bytes of the spare space as filled.
    #[inline]
    pub(super) fn advance(&mut self, count: usize) {
        self.end = (self.end + count).min(self.block.len());
    }

    /// Remove bytes from the front; the block goes back when none is left.
    #[inline]
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.is_empty() {
            self.release();
        }
    }

    /// Take `count` bytes out, `from` bytes behind the front; `None` when they are not all there.
    pub(super) fn cut(&mut self, from: usize, count: usize) -> Option<Bytes> {
        let from = self.start.checked_add(from)?;
        let to = from.checked_add(count).filter(|to| *to <= self.end)?;
        let taken = Bytes::copy_from_slice(self.block.get(from..to)?);
        self.block.copy_within(to..self.end, from);
        self.end -= count;
        Some(taken)
    }

    /// Make room for at least one more byte while the whole stays within `bytes_max`.
    /// `false`: the bound is reached.
    pub(super) fn make_room(&mut self, bytes_max: usize) -> bool {
        if self.block.is_empty() || self.end < self.block.len() {
            return self.len() < bytes_max;
        }
        if self.start > 0 {
            self.block.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            return self.len() < bytes_max;
        }
        let grown = (self.block.len() * 2).min(bytes_max);
        if grown <= self.block.len() {
            return false;
        }
        self.block.resize(grown, 0);
        true
    }

    /// Append all of `bytes`; the owner has checked its bound.
    #[inline]
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.spare().len() < bytes.len() {
            self.block.resize(self.end + bytes.len(), 0);
        }
        if let Some(space) = self.spare().get_mut(..bytes.len()) {
            space.copy_from_slice(bytes);
            self.end += bytes.len();
        }
    }

    /// Forget everything and give the block back.
    #[inline]
    pub(super) fn release(&mut self) {
        self.start = 0;
        self.end = 0;
        let block = std::mem::take(&mut self.block);
        // Grown blocks are rare and are freed, so that the free list has one size.
        if block.len() == BLOCK {
            let _ = SPARE.try_with(|spare| {
                if let Ok(mut spare) = spare.try_borrow_mut()
                    && spare.len() < SPARE_BLOCKS_MAX
                {
                    spare.push(block);
                }
            });
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.release();
    }
}

#[inline]
fn take_block() -> Vec<u8> {
    SPARE
        .try_with(|spare| spare.try_borrow_mut().ok().and_then(|mut spare| spare.pop()))
        .ok()
        .flatten()
        .unwrap_or_else(|| vec![0; BLOCK])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_buffer_holds_no_block() {
        let mut buffer = Buffer::default();
        buffer.append(b"abc");
        assert_eq!(buffer.filled(), b"abc");
        buffer.consume(2);
        assert_eq!((buffer.filled(), buffer.block.len()), (&b"c"[..], BLOCK));
        buffer.consume(1);
        assert_eq!(buffer.block.capacity(), 0);
    }

    #[test]
    fn a_middle_is_taken_out_only_when_it_is_there() {
        let mut buffer = Buffer::default();
        buffer.append(b"xheadbodynext");
        buffer.consume(1);
        assert_eq!(buffer.cut(4, 9), None);
        assert_eq!(buffer.cut(usize::MAX, 1), None);
        assert_eq!(buffer.cut(4, 4).as_deref(), Some(&b"body"[..]));
        assert_eq!(buffer.filled(), b"headnext");
    }

    #[test]
    fn appending_nothing_takes_no_block() {
        let mut buffer = Buffer::default();
        buffer.append(b"");
        assert_eq!(buffer.block.capacity(), 0);
    }

    #[test]
    fn room_is_made_by_moving_before_growing_and_ends_at_the_bound() {
        let mut buffer = Buffer::default();
        buffer.append(&[b'a'; BLOCK]);
        buffer.consume(10);
        assert!(buffer.make_room(BLOCK * 4));
        assert_eq!((buffer.block.len(), buffer.len()), (BLOCK, BLOCK - 10));
        buffer.append(&[b'b'; 10]);
        assert!(buffer.make_room(BLOCK + 100));
        assert_eq!(buffer.block.len(), BLOCK + 100);
        buffer.append(&[b'c'; 100]);
        assert!(!buffer.make_room(BLOCK + 100));
    }

    #[test]
    fn a_grown_block_is_not_kept() {
        SPARE.with(|spare| spare.borrow_mut().clear());
        let mut buffer = Buffer::default();
        buffer.append(&[0; BLOCK + 1]);
        buffer.release();
        assert_eq!(SPARE.with(|spare| spare.borrow().len()), 0);
    }
}

//! Which names the open objects of a body have: a set of hashes that grows and shrinks like the nesting. A form is one
//! object.
//!
//! A name that occurs twice is always found, since equal names have equal hashes. Two different names with one hash
//! would be taken for a duplicate; the hash has 64 bits and a key that nobody knows, so an object of a thousand
//! names meets that once in 10^13, and nobody can bring it about for a request that is not his own.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;

/// Names of one object up to which they are compared one by one.
const FEW: usize = 16;

/// The names of all open objects, outermost first.
#[derive(Debug)]
pub(crate) struct Names {
    key: RandomState,
    hashes: Vec<u64>,
    /// Positions in `hashes`, one more than it is, by hash with linear probing; 0 is free. Holds the names of objects
    /// that have more than a few.
    table: Vec<u32>,
    /// What the table holds, in the order in which it came. The last one goes first, so that taking it out leaves
    /// no gap in a chain.
    filed: Vec<u32>,
    /// The name that is being read.
    name: Vec<u8>,
    #[cfg(test)]
    pub(crate) steps: u64,
}

impl Names {
    pub(crate) fn new() -> Self {
        Self {
            key: RandomState::default(),
            hashes: Vec::new(),
            table: Vec::new(),
            filed: Vec::new(),
            name: Vec::new(),
            #[cfg(test)]
            steps: 0,
        }
    }

    /// Where the names of an object begin that begins now.
    pub(crate) const fn open(&self) -> usize {
        self.hashes.len()
    }

    /// More of the name that is being read.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.name.extend_from_slice(bytes);
    }

    /// The name that was being read is complete, and belongs to the innermost object, whose names begin at `start`.
    /// Returns `false` when the object has it already.
    pub(crate) fn add(&mut self, start: usize, depth: u64) -> bool {
        let mut hasher = self.key.build_hasher();
        hasher.write(&self.name);
        self.name.clear();
        // Objects that are open at the same time stand at different depths, so that one table serves them all.
        let hash = hasher.finish() ^ depth.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let own = self.hashes.get(start..).unwrap_or_default();
        if own.len() <= FEW {
            #[cfg(test)]
            {
                self.steps += 1;
            }
            if own.contains(&hash) {
                return false;
            }
            if own.len() < FEW {
                self.hashes.push(hash);
                return true;
            }
            for position in start..self.hashes.len() {
                self.file(position);
            }
        } else if self.find(hash).is_none() {
            return false;
        }
        self.hashes.push(hash);
        self.file(self.hashes.len() - 1);
        true
    }

    /// The innermost object ends.
    pub(crate) fn close(&mut self, start: usize) {
        while let Some(last) = self.filed.last().filter(|last| **last as usize > start) {
            let last = *last;
            self.filed.pop();
            let hash = self.hash_at(last);
            let mut at = self.home(hash);
            while let Some(place) = self.table.get_mut(at) {
                #[cfg(test)]
                {
                    self.steps += 1;
                }
                if *place == last {
                    *place = 0;
                }
                if *place == 0 {
                    break;
                }
                at = self.behind(at);
            }
        }
        self.hashes.truncate(start);
    }

    /// Puts the hash at `position` into the table.
    fn file(&mut self, position: usize) {
        let Ok(entry) = u32::try_from(position + 1) else {
            return;
        };
        self.filed.push(entry);
        if self.filed.len() * 2 > self.table.len() {
            let size = (self.filed.len() * 4).next_power_of_two();
            self.table.clear();
            self.table.resize(size, 0);
            for at in 0..self.filed.len() {
                let filed = self.filed.get(at).copied().unwrap_or_default();
                self.place(filed);
            }
        } else {
            self.place(entry);
        }
    }

    fn place(&mut self, entry: u32) {
        if let Some(at) = self.find(self.hash_at(entry))
            && let Some(place) = self.table.get_mut(at)
        {
            *place = entry;
        }
    }

    /// The free place for a hash; `None` when the table has it.
    fn find(&mut self, hash: u64) -> Option<usize> {
        let mut at = self.home(hash);
        loop {
            #[cfg(test)]
            {
                self.steps += 1;
            }
            match self.table.get(at) {
                None | Some(0) => return Some(at),
                Some(entry) if self.hash_at(*entry) == hash => return None,
                Some(_) => at = self.behind(at),
            }
        }
    }

    fn hash_at(&self, entry: u32) -> u64 {
        let position = (entry as usize).wrapping_sub(1);
        self.hashes.get(position).copied().unwrap_or_default()
    }

    const fn home(&self, hash: u64) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "only the lower bits place a hash")]
        let hash = hash as usize;
        hash & self.table.len().wrapping_sub(1)
    }

    const fn behind(&self, at: usize) -> usize {
        (at + 1) & self.table.len().wrapping_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Act {
        Open,
        Close,
        Name(u16),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            1 => Just(Act::Open),
            1 => Just(Act::Close),
            20 => (0_u16..400).prop_map(Act::Name),
        ]
    }

    proptest! {
        #[test]
        fn they_are_the_sets_of_the_open_objects(acts in prop::collection::vec(act(), 0..800)) {
            let mut names = Names::new();
            let mut open: Vec<(usize, BTreeSet<u16>)> = vec![(0, BTreeSet::new())];
            for act in acts {
                match act {
                    Act::Open => open.push((names.open(), BTreeSet::new())),
                    Act::Close if open.len() > 1 => {
                        let (start, _) = open.pop().unwrap();
                        names.close(start);
                    }
                    Act::Close => (),
                    Act::Name(name) => {
                        let depth = open.len() as u64;
                        let (start, set) = open.last_mut().unwrap();
                        names.write(&name.to_le_bytes());
                        prop_assert_eq!(names.add(*start, depth), set.insert(name));
                    }
                }
            }
            while let Some((start, _)) = open.pop() {
                names.close(start);
            }
            prop_assert!(names.table.iter().all(|place| *place == 0) && names.hashes.is_empty());
        }
    }
}

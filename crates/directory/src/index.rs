use std::hash::{DefaultHasher, Hash, Hasher};

use hashbrown::HashTable;

/// Finds slots by what stands in them, which it does not hold itself.
///
/// It is cut into many small tables, so that none takes long to grow. Hashes begin with a secret:
/// who joins chooses what is hashed, and must not be able to choose where it lands.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) keyed: Keyed,
    tables: Vec<HashTable<u32>>,
    bytes: usize,
}

/// Hashes with a secret.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyed(u64);

impl Keyed {
    pub(crate) fn hash(self, key: &(impl Hash + ?Sized)) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        key.hash(&mut hasher);
        hasher.finish()
    }
}

impl Index {
    const TABLES: usize = 256;

    pub(crate) fn new(secret: u64) -> Self {
        Self {
            keyed: Keyed(secret),
            tables: vec![HashTable::new(); Self::TABLES],
            bytes: Self::TABLES * size_of::<HashTable<u32>>(),
        }
    }

    pub(crate) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.tables[table(hash)]
            .find(hash, |&slot| is_it(slot))
            .copied()
    }

    /// Adds a slot that is not in the index. `rehash` gives the hash of any slot that is.
    pub(crate) fn insert(&mut self, hash: u64, slot: u32, rehash: impl Fn(u32) -> u64) {
        let table = &mut self.tables[table(hash)];
        let before = table.allocation_size();
        table.insert_unique(hash, slot, |&slot| rehash(slot));
        self.bytes += table.allocation_size() - before;
    }

    pub(crate) fn remove(&mut self, hash: u64, slot: u32) {
        if let Ok(entry) = self.tables[table(hash)].find_entry(hash, |&other| other == slot) {
            entry.remove();
        }
    }

    /// Bytes allocated.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes that one more slot would allocate, at most.
    pub(crate) fn growth(&self, hash: u64) -> usize {
        let table = &self.tables[table(hash)];
        if table.len() < table.capacity() {
            0
        } else {
            table.allocation_size() + 64
        }
    }
}

/// By the middle of the hash: its ends are what the tables themselves go by.
fn table(hash: u64) -> usize {
    (hash >> 32) as usize % Index::TABLES
}

use crate::{arena::Arena, index::Index};

/// Texts that many registrations share, each held once and for as long as one needs it.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    names: Arena<Name>,
    index: Index,
    text_bytes: usize,
}

#[derive(Clone, Debug, Default)]
struct Name {
    text: Box<str>,
    uses: u32,
}

impl Names {
    pub(crate) fn new(secret: u64) -> Self {
        Self {
            names: Arena::new(),
            index: Index::new(secret),
            text_bytes: 0,
        }
    }

    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        let hash = self.index.keyed.hash(text);
        self.index
            .find(hash, |slot| &*self.names[slot].text == text)
    }

    /// The number of a text, which is then used once more.
    pub(crate) fn take(&mut self, text: &str) -> u32 {
        if let Some(slot) = self.find(text) {
            self.names[slot].uses += 1;
            return slot;
        }
        let slot = self.names.insert(Name {
            text: text.into(),
            uses: 1,
        });
        self.text_bytes += text.len();
        let Self { names, index, .. } = self;
        let keyed = index.keyed;
        let rehash = |slot| keyed.hash(&*names[slot].text);
        index.insert(keyed.hash(text), slot, rehash);
        slot
    }

    /// A text is used once less.
    pub(crate) fn release(&mut self, slot: u32) {
        self.names[slot].uses -= 1;
        if self.names[slot].uses == 0 {
            let Name { text, .. } = self.names.remove(slot);
            self.index.remove(self.index.keyed.hash(&*text), slot);
            self.text_bytes -= text.len();
        }
    }

    pub(crate) fn text(&self, slot: u32) -> &str {
        &self.names[slot].text
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// Bytes allocated.
    pub(crate) fn bytes(&self) -> usize {
        self.names.bytes() + self.index.bytes() + self.text_bytes
    }

    /// Bytes that this text would allocate, at most.
    pub(crate) fn growth(&self, text: &str) -> usize {
        if self.find(text).is_some() {
            return 0;
        }
        self.names.growth(1) + self.index.growth(self.index.keyed.hash(text)) + text.len()
    }
}

/// Values in numbered slots. Growing moves nothing that is there, and a slot that was given up is
/// used again first.
#[derive(Clone, Debug)]
pub(crate) struct Arena<T> {
    chunks: Vec<Vec<T>>,
    free: Vec<u32>,
}

impl<T: Default> Arena<T> {
    /// Slots that are allocated at once.
    const CHUNK: usize = 1024;

    pub(crate) fn new() -> Self {
        Self {
            chunks: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(crate) fn insert(&mut self, value: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self[slot] = value;
            return slot;
        }
        if self.room() == 0 {
            self.chunks.push(Vec::with_capacity(Self::CHUNK));
            // Nothing is free now. Room for every slot, so that giving one up allocates nothing.
            self.free = Vec::with_capacity(self.chunks.len() * Self::CHUNK);
        }
        let last = self.chunks.len() - 1;
        let chunk = &mut self.chunks[last];
        chunk.push(value);
        (last * Self::CHUNK + chunk.len() - 1) as u32
    }

    pub(crate) fn remove(&mut self, slot: u32) -> T {
        self.free.push(slot);
        std::mem::take(&mut self[slot])
    }

    pub(crate) fn len(&self) -> usize {
        let full = self.chunks.len().saturating_sub(1) * Self::CHUNK;
        full + self.chunks.last().map_or(0, Vec::len) - self.free.len()
    }

    /// Bytes allocated.
    pub(crate) fn bytes(&self) -> usize {
        self.chunks.len() * Self::CHUNK * size_of::<T>()
            + self.chunks.capacity() * size_of::<Vec<T>>()
            + self.free.capacity() * size_of::<u32>()
    }

    /// Bytes that `count` more values would allocate, at most.
    pub(crate) fn growth(&self, count: usize) -> usize {
        if self.free.len() + self.room() >= count {
            return 0;
        }
        Self::CHUNK * (size_of::<T>() + size_of::<u32>())
            + self.chunks.capacity() * size_of::<Vec<T>>()
    }

    fn room(&self) -> usize {
        self.chunks
            .last()
            .map_or(0, |last| Self::CHUNK - last.len())
    }
}

impl<T> std::ops::Index<u32> for Arena<T> {
    type Output = T;

    fn index(&self, slot: u32) -> &T {
        &self.chunks[slot as usize >> 10][slot as usize & 1023]
    }
}

impl<T> std::ops::IndexMut<u32> for Arena<T> {
    fn index_mut(&mut self, slot: u32) -> &mut T {
        &mut self.chunks[slot as usize >> 10][slot as usize & 1023]
    }
}

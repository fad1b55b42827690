//! Files that tests share.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
};

/// A generator that is good enough for content and for moments: splitmix64.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from `low` up to but without `high`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low)
    }
}

/// Writes a file of `len` bytes of which no two pieces are equal, and most are holes, so that even
/// gigabytes are there at once.
pub(crate) fn write_sparse(path: &Path, len: u64, seed: u64) {
    const STRIDE: u64 = 1 << 19;
    let mut random = Random(seed);
    let mut file = File::create(path).expect("a file can be made");
    file.set_len(len).expect("a file can be as long as that");
    for at in (0..len - 8).step_by(STRIDE as usize) {
        file.seek(SeekFrom::Start(at))
            .expect("a file can be sought in");
        file.write_all(&random.next().to_le_bytes())
            .expect("a file can be written");
    }
}

/// Whether two files hold the same bytes.
pub(crate) fn same(a: &Path, b: &Path) -> bool {
    let [mut a, mut b] = [a, b].map(|path| File::open(path).expect("the file is there"));
    let [mut of_a, mut of_b] = [vec![0; 1 << 20], vec![0; 1 << 20]];
    loop {
        let n = a.read(&mut of_a).expect("a file can be read");
        if n == 0 {
            return b.read(&mut of_b).expect("a file can be read") == 0;
        }
        if b.read_exact(&mut of_b[..n]).is_err() || of_a[..n] != of_b[..n] {
            return false;
        }
    }
}

//! Hashes in lockstep with the SHA instructions of x86.

use std::arch::{
    is_x86_feature_detected,
    x86_64::{
        __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x,
        _mm_setzero_si128, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32,
        _mm_shuffle_epi8, _mm_shuffle_epi32,
    },
};

use super::BLOCK;

/// The round constants (FIPS 180-4, 4.2.2).
#[rustfmt::skip]
const K: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

/// Whether this processor has what [`compress`] is made of.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("sha")
        && is_x86_feature_detected!("ssse3")
        && is_x86_feature_detected!("sse4.1")
}

/// Takes as many blocks into each state as the shortest lane has.
///
/// # Panics
/// Where the processor can not do it: see [`is_available`].
pub(super) fn compress<const N: usize>(states: &mut [[u32; 8]; N], lanes: [&[[u8; BLOCK]]; N]) {
    assert!(is_available());
    #[expect(
        unsafe_code,
        reason = "the compiler can not know what the line above has found out; all else is safe"
    )]
    // SAFETY: the processor has the instructions.
    unsafe {
        lockstep(states, lanes);
    }
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
fn lockstep<const N: usize>(states: &mut [[u32; 8]; N], lanes: [&[[u8; BLOCK]]; N]) {
    // The order in which the instructions want the words: a, b, e, f and c, d, g, h.
    let mut abef = states.map(|[a, b, _, _, e, f, _, _]| vector(f, e, b, a));
    let mut cdgh = states.map(|[_, _, c, d, _, _, g, h]| vector(h, g, d, c));
    let big_endian = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let blocks = lanes.iter().map(|lane| lane.len()).min().unwrap_or(0);
    let mut lanes = lanes.map(|lane| lane[..blocks].iter());
    for _ in 0..blocks {
        let before = (abef, cdgh);
        let mut words = [[_mm_setzero_si128(); 4]; N];
        for (words, lane) in words.iter_mut().zip(&mut lanes) {
            let block = lane.next().map_or(&[][..], |block| block.as_chunks().0);
            for (word, bytes) in words.iter_mut().zip(block) {
                *word = _mm_shuffle_epi8(load(bytes), big_endian);
            }
        }
        for four in 0..16 {
            let [k0, k1, k2, k3] = K.as_chunks().0[four];
            let k = vector(k0, k1, k2, k3);
            for lane in 0..N {
                let words = &mut words[lane];
                let now = words[four % 4];
                let add = _mm_add_epi32(now, k);
                cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], add);
                let add = _mm_shuffle_epi32(add, 0x0e);
                abef[lane] = _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], add);
                // The words of the four rounds that come next, once the block's own are used up.
                if (3..15).contains(&four) {
                    let (w0, w1, w2) = ((four + 1) % 4, (four + 2) % 4, (four + 3) % 4);
                    let sum = _mm_add_epi32(
                        _mm_sha256msg1_epu32(words[w0], words[w1]),
                        _mm_alignr_epi8(now, words[w2], 4),
                    );
                    words[w0] = _mm_sha256msg2_epu32(sum, now);
                }
            }
        }
        for lane in 0..N {
            abef[lane] = _mm_add_epi32(abef[lane], before.0[lane]);
            cdgh[lane] = _mm_add_epi32(cdgh[lane], before.1[lane]);
        }
    }
    for lane in 0..N {
        let ([f, e, b, a], [h, g, d, c]) = (numbers(abef[lane]), numbers(cdgh[lane]));
        states[lane] = [a, b, c, d, e, f, g, h];
    }
}

/// A vector of four words, the lowest first.
#[inline]
#[target_feature(enable = "sse2")]
fn vector(w0: u32, w1: u32, w2: u32, w3: u32) -> __m128i {
    _mm_set_epi32(w3 as i32, w2 as i32, w1 as i32, w0 as i32)
}

/// The four words of a vector, the lowest first.
#[inline]
#[target_feature(enable = "sse4.1")]
fn numbers(vector: __m128i) -> [u32; 4] {
    [
        _mm_extract_epi32(vector, 0) as u32,
        _mm_extract_epi32(vector, 1) as u32,
        _mm_extract_epi32(vector, 2) as u32,
        _mm_extract_epi32(vector, 3) as u32,
    ]
}

/// Sixteen bytes as they stand. Becomes one load, and needs no pointer.
#[inline]
#[target_feature(enable = "sse2")]
fn load(bytes: &[u8; 16]) -> __m128i {
    let number = u128::from_le_bytes(*bytes);
    _mm_set_epi64x((number >> 64) as i64, number as i64)
}

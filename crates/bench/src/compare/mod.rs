//! Whether two benchmarks differ.
mod noise;
pub use self::noise::{MIN_INTERVALS, Shift};

//! The engine against a world of its like, against rogues, and against single words.

mod device;
mod rogue;
mod runs;
mod scene;
mod world;

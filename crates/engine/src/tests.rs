//! The engine against a world of its like, against rogues, and against single words.

mod clock;
mod device;
mod fetching;
mod greeting;
mod rogue;
mod rules;
mod runs;
mod scene;
mod serving;
mod solo;
mod world;

//! The engine against a world of its like, against rogues, and against single words.

mod clock;
mod device;
mod fetching;
mod fuzz;
mod greeting;
mod parts;
mod rogue;
mod rules;
mod runs;
mod scene;
mod serving;
mod solo;
mod table;
mod world;

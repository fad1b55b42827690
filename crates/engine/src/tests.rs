//! The engine against a world of its like, against rogues, and against single words.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "tests look for one thing among many"
)]

mod clock;
mod device;
mod fetching;
mod fuzz;
mod greeting;
mod lanes;
mod link;
mod mixing;
mod parts;
mod port;
mod rogue;
mod rules;
mod runs;
mod scene;
mod serving;
mod solo;
mod swarm;
mod table;
mod world;

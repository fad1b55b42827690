//! A cloud and its devices, all in this process and on loopback.

mod common;
mod downloads;
mod keeping;

//! The program as a process: what it prints, and what it exits with.

mod demo;
mod firewall;
mod help;
mod program;
mod transfer;
mod wrong_use;

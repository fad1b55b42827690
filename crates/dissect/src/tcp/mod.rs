//! Connections: which packets belong together, in which order, and how they begin and end.

mod assembler;
mod connection;
mod table;

pub(crate) use self::{
    assembler::Chunk,
    connection::{Connection, End, Ending, Setup},
    table::{Change, Table},
};

//! Sockets and addresses.

mod holder;
mod near;
mod socket;

pub use holder::port_holder;
pub(crate) use near::canonical;
pub use near::is_near;
pub use socket::SocketOptions;
pub(crate) use socket::{apply, connect, listen, try_options};

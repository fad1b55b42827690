//! Sockets and addresses.

mod holder;
mod near;
mod socket;
mod tcp_info;

pub use holder::port_holder;
pub(crate) use near::canonical;
pub use near::is_near;
pub use socket::{SocketOptions, connect};
pub(crate) use socket::{apply, dial, listen, try_options};
pub use tcp_info::TcpInfo;

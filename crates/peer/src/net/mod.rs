//! Sockets and addresses.

mod near;
mod socket;
mod stream;
mod tcp_info;
mod window;

pub use dolab_wire::is_near;
pub(crate) use near::canonical;
pub use socket::{SocketOptions, connect};
pub(crate) use socket::{dial, listen, try_options};
pub(crate) use stream::Gauge;
pub use stream::{FarEnd, Stream};
pub use tcp_info::TcpInfo;
pub(crate) use window::bound_window;

//! Sockets and addresses.

mod gauge;
mod near;
mod socket;
mod stream;
mod tcp_info;
mod window;

pub use dolab_wire::is_near;
pub(crate) use gauge::Gauge;
pub(crate) use near::canonical;
#[cfg(target_os = "linux")]
pub(crate) use socket::keep_ahead;
pub use socket::{SocketOptions, connect};
pub(crate) use socket::{dial, listen, try_options};
pub use stream::{FarEnd, Stream};
pub use tcp_info::TcpInfo;

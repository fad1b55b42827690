//! What the system tells about this host: its name, and who holds its ports. And which addresses
//! are near it, and how a port is opened on several of its own.

mod bind;
mod holder;
mod name;
mod near;

pub use bind::{bind_tcp, bind_udp};
pub use holder::{Holder, Transport, port_holder};
pub use name::host_name;
pub use near::is_near;

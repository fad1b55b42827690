//! What the system tells about this host: its name, who holds its ports, and what the policies'
//! gates look at. And how a port is opened on several of its addresses.

mod bind;
mod facts;
mod holder;
mod name;

pub use bind::{bind_tcp, bind_udp};
pub use dolab_wire::is_near;
pub use facts::{conditions, live_policies};
pub use holder::{Holder, Transport, port_holder};
pub use name::host_name;

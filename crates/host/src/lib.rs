//! What the system tells about this host: its name, and who holds its ports.

mod holder;
mod name;

pub use holder::{Holder, Transport, port_holder};
pub use name::host_name;

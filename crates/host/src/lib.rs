//! What the system tells about this host: its name, who holds its ports, and what the policies'
//! gates look at. The clock that they are judged by. And how a port is opened on several of its addresses.

mod bind;
mod clock;
mod facts;
mod holder;
mod name;

pub use bind::{bind_tcp, bind_udp};
pub use clock::{Clock, ClockSetting, ParseClockError};
pub use dolab_wire::is_near;
pub use facts::{conditions, live_policies};
pub use holder::{Holder, Transport, port_holder};
pub use name::host_name;

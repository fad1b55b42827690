//! What is counted: rates over 20 seconds, and bytes since the month began.

mod month;
mod window;

pub use month::Month;
pub(crate) use window::Window;

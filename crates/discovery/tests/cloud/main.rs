//! The cloud's client: against a stand-in that shows what it asks and answers whatever a test wants,
//! and against dolab's own cloud.
#![expect(
    clippy::unwrap_used,
    reason = "what surrounds the tests may fail them too"
)]

mod failures;
mod flow;
mod membership;
mod own_cloud;
mod stand_in;

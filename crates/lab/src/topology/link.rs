//! The cable between an adapter and its switch.

use serde::Deserialize;

use super::{Percent, Rate, Span};

/// Bytes of a packet that pass where nothing else is said: Ethernet's.
pub const DEFAULT_MTU: u16 = 1500;

/// What the cable of an adapter does to the packets, in each direction by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Link {
    /// Bits per second, headers included. `None`: as fast as the machine.
    pub rate: Option<Rate>,
    /// One way.
    pub delay: Span,
    /// Every packet takes a random share of it longer. Packets stay in order with our shaper, and
    /// may overtake each other with the kernel's netem.
    pub jitter: Span,
    /// So many packets are lost, each by chance of its own.
    pub loss: Percent,
    /// So many packets overtake those before them: they skip `delay` and `jitter`, of which there
    /// has to be some.
    pub reorder: Percent,
    /// Bytes of a packet, 576 to 9000. `None`: [`DEFAULT_MTU`].
    pub mtu: Option<u16>,
}

impl Link {
    /// Whether packets wait, get lost or overtake: more than a rate.
    pub fn disturbs(&self) -> bool {
        let calm = Self {
            rate: self.rate,
            mtu: self.mtu,
            ..Self::default()
        };
        *self != calm
    }
}

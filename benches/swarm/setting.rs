//! What the swarms are like.

/// One swarm.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) devices: u32,
    pub(super) mebibytes: u64,
    /// Mbit/s of the links: up from the seeder, down to a device, up from a device.
    pub(super) seeder_up: u64,
    pub(super) down: u64,
    pub(super) up: u64,
    /// Whether the devices are told of each other, as against finding each other by DNS-SD.
    pub(super) told: bool,
}

/// Of the size of a monthly update (assumed), so that the start and the end count for as much as
/// they do there; [`SMALL`] shows how much that is.
const SLOW_SEEDER: Setting = Setting {
    name: "slow-seeder",
    devices: 8,
    mebibytes: 512,
    seeder_up: 100,
    down: 200,
    up: 100,
    told: true,
};

const SMALL: Setting = Setting {
    name: "small",
    mebibytes: 128,
    ..SLOW_SEEDER
};

pub(super) const SETTINGS: [Setting; 6] = [
    SLOW_SEEDER,
    SMALL,
    Setting {
        name: "found",
        told: false,
        ..SLOW_SEEDER
    },
    Setting {
        name: "equal-links",
        down: 100,
        ..SLOW_SEEDER
    },
    Setting {
        name: "fast-seeder",
        seeder_up: 1_000,
        ..SLOW_SEEDER
    },
    Setting {
        name: "slow-uplinks",
        mebibytes: 256,
        up: 20,
        ..SLOW_SEEDER
    },
];

/// What headers leave of a link: 1448 bytes of each frame of 1514, with the timestamps that Linux
/// sends.
const PAYLOAD: f64 = 1448.0 / 1514.0;

impl Setting {
    pub(super) fn bytes(&self) -> u64 {
        self.mebibytes << 20
    }

    /// Seconds before which nobody can be done, by the slowest of the three bounds.
    pub(super) fn bound(&self) -> f64 {
        let bits = self.bytes() as f64 * 8.0 / PAYLOAD / 1e6;
        let devices = f64::from(self.devices);
        let all_up = self.seeder_up as f64 + devices * self.up as f64;
        let bounds = [
            bits / self.seeder_up as f64,
            bits / self.down as f64,
            devices * bits / all_up,
        ];
        bounds.into_iter().fold(0.0, f64::max)
    }
}

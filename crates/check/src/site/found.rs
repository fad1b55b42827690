use dolab_catalogue::Severity;
use dolab_wire::DoCode;

use super::{Device, File};

/// One failure, as its rule found it.
#[derive(Debug)]
pub(super) struct Found {
    /// The devices that it is about, by place.
    pub(super) devices: Vec<usize>,
    /// The file that it is about.
    pub(super) file: Option<String>,
    pub(super) title: String,
    /// `None`: as the catalogue says.
    pub(super) severity: Option<Severity>,
    pub(super) evidence: Vec<String>,
    /// The code that was seen; `None`: the first of the catalogue.
    pub(super) code: Option<DoCode>,
}

impl Found {
    pub(super) fn new(device: usize, title: String) -> Self {
        Self {
            devices: vec![device],
            file: None,
            title,
            severity: None,
            evidence: Vec::new(),
            code: None,
        }
    }

    pub(super) fn and(mut self, device: usize) -> Self {
        self.devices.push(device);
        self
    }

    pub(super) fn of(mut self, file: &File) -> Self {
        self.file = Some(file.id.clone());
        self
    }

    pub(super) fn saw(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    pub(super) fn code(mut self, code: Option<DoCode>) -> Self {
        self.code = code;
        self
    }
}

/// One finding for each device that has it.
pub(super) fn each(devices: &[Device], find: impl Fn(&Device) -> Option<Found>) -> Vec<Found> {
    let found = |(at, device): (usize, &Device)| {
        let mut found = find(device)?;
        found.devices = vec![at];
        Some(found)
    };
    devices.iter().enumerate().filter_map(found).collect()
}

/// One finding for each device and file that has it.
pub(super) fn each_file(
    devices: &[Device],
    find: impl Fn(&Device, &File) -> Option<Found>,
) -> Vec<Found> {
    let mut all = Vec::new();
    for (at, device) in devices.iter().enumerate() {
        for file in &device.files {
            if let Some(mut found) = find(device, file) {
                found.devices = vec![at];
                all.push(found.of(file));
            }
        }
    }
    all
}

//! DNS-SD on the link: who asks for Delivery Optimization's service, and who says that it has it.

use std::{collections::BTreeMap, net::IpAddr};

use dolab_wire::text::printable;
use serde::Serialize;
use simple_dns::{Packet, PacketFlag, rdata::RData};

use crate::{
    event::{Moment, What},
    packet::Datagram,
};

/// Multicast DNS (documented: RFC 6762).
pub(crate) const PORT: u16 = 5353;

/// Parts of the names that matter here (documented and observed): peers, and Connected Cache.
const SERVICES: [&str; 2] = ["_dosvc._tcp", "_microsoft_mcc._tcp"];

/// Hosts and services that are remembered.
const MAX_NAMES: usize = 1024;
/// Longest name and property that is shown, in characters.
const MAX_TEXT: usize = 255;
/// Properties of a service that are shown.
const MAX_PROPERTIES: usize = 32;

/// A service that was announced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Service {
    /// Who announced it.
    pub host: IpAddr,
    /// Its name.
    pub instance: String,
    /// Its port, where it was told.
    pub port: Option<u16>,
    /// Its properties.
    pub properties: Vec<String>,
    /// Packets that told of it.
    pub announcements: u64,
    /// Whether it has said goodbye.
    pub left: bool,
}

/// A host that asked for the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asker {
    /// Who.
    pub host: IpAddr,
    /// For what.
    pub service: String,
    /// How often.
    pub questions: u64,
}

/// What was said by DNS-SD.
#[derive(Debug, Default)]
pub(crate) struct Names {
    services: BTreeMap<(IpAddr, String), Service>,
    askers: BTreeMap<(IpAddr, String), u64>,
    /// Packets on its port that could not be read.
    pub(crate) unread: u64,
}

impl Names {
    pub(crate) fn datagram(&mut self, now: Moment, datagram: &Datagram<'_>) -> Vec<(Moment, What)> {
        let mut told = Vec::new();
        let Ok(packet) = Packet::parse(datagram.payload) else {
            self.unread += 1;
            return told;
        };
        let host = datagram.from.ip();
        if packet.has_flags(PacketFlag::RESPONSE) {
            self.answer(now, host, &packet, &mut told);
        } else {
            self.question(now, host, &packet, &mut told);
        }
        told
    }

    fn question(
        &mut self,
        now: Moment,
        host: IpAddr,
        packet: &Packet<'_>,
        told: &mut Vec<(Moment, What)>,
    ) {
        for question in &packet.questions {
            let name = question.qname.to_string();
            let Some(service) = service_of(&name) else {
                continue;
            };
            let key = (host, service.to_owned());
            if self.askers.len() == MAX_NAMES && !self.askers.contains_key(&key) {
                continue;
            }
            let count = self.askers.entry(key).or_default();
            *count += 1;
            if *count == 1 {
                let service = service.to_owned();
                told.push((now, What::Asks { host, service }));
            }
        }
    }

    fn answer(
        &mut self,
        now: Moment,
        host: IpAddr,
        packet: &Packet<'_>,
        told: &mut Vec<(Moment, What)>,
    ) {
        let mut found: BTreeMap<String, Service> = BTreeMap::new();
        let records = packet.answers.iter().chain(&packet.additional_records);
        for record in records {
            #[expect(
                clippy::wildcard_enum_match_arm,
                reason = "no other record is of interest"
            )]
            let name = match &record.rdata {
                RData::PTR(name) => name.0.to_string(),
                RData::SRV(_) | RData::TXT(_) => record.name.to_string(),
                _ => continue,
            };
            let instance = match service_of(&name) {
                Some(service) if name.len() > service.len() + ".local".len() => name,
                _ => continue,
            };
            let instance = printable(&instance, MAX_TEXT);
            let service = found.entry(instance.clone()).or_insert_with(|| Service {
                host,
                instance,
                port: None,
                properties: Vec::new(),
                announcements: 0,
                left: false,
            });
            #[expect(
                clippy::wildcard_enum_match_arm,
                reason = "the others were left out above"
            )]
            match &record.rdata {
                RData::SRV(srv) => service.port = Some(srv.port),
                RData::TXT(txt) => {
                    service.properties = txt
                        .iter_raw()
                        .take(MAX_PROPERTIES)
                        .map(|(key, value)| property(key, value))
                        .collect();
                }
                _ => service.left |= record.ttl == 0,
            }
        }
        for (instance, mut service) in found {
            let key = (host, instance);
            let known = self.services.get(&key);
            if known.is_none() && self.services.len() == MAX_NAMES {
                continue;
            }
            service.announcements = known.map_or(0, |known| known.announcements) + 1;
            if let Some(known) = known {
                service.port = service.port.or(known.port);
                if service.properties.is_empty() {
                    service.properties.clone_from(&known.properties);
                }
            }
            let same = known.is_some_and(|known| {
                (known.port, known.left, &known.properties)
                    == (service.port, service.left, &service.properties)
            });
            if !same {
                let what = What::Announces {
                    host,
                    instance: service.instance.clone(),
                    port: service.port,
                    properties: service.properties.clone(),
                    leaves: service.left,
                };
                told.push((now, what));
            }
            self.services.insert(key, service);
        }
    }

    pub(crate) fn report(self) -> (Vec<Service>, Vec<Asker>) {
        let askers = self.askers.into_iter();
        let asker = |((host, service), questions)| Asker {
            host,
            service,
            questions,
        };
        (
            self.services.into_values().collect(),
            askers.map(asker).collect(),
        )
    }
}

/// The service that a name belongs to.
fn service_of(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    SERVICES.into_iter().find(|service| lower.contains(service))
}

fn property(key: &[u8], value: Option<&[u8]>) -> String {
    let text = |bytes| printable(&String::from_utf8_lossy(bytes), MAX_TEXT);
    match value {
        Some(value) => format!("{}={}", text(key), text(value)),
        None => text(key),
    }
}

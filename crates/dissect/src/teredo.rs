//! Teredo: who asked which server, and whether it answered.

use std::{collections::BTreeMap, net::SocketAddr};

use dolab_wire::teredo::{self, Message};
use serde::Serialize;

use crate::{
    event::{TeredoKind, What},
    packet::Datagram,
};

pub(crate) use dolab_wire::teredo::SERVER_PORT as PORT;

/// Pairs that are remembered.
const MAX_PAIRS: usize = 1024;

/// What two addresses said to each other over Teredo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TeredoPair {
    /// Who sent first.
    pub client: SocketAddr,
    /// To whom.
    pub server: SocketAddr,
    /// Questions to a server.
    pub solicitations: u64,
    /// Answers of it.
    pub advertisements: u64,
    /// Empty packets.
    pub bubbles: u64,
    /// Everything else.
    pub data: u64,
    /// Packets that are no Teredo, or break its rules.
    pub malformed: u64,
    /// The client's address as the server saw it.
    pub origin: Option<SocketAddr>,
}

/// All pairs.
#[derive(Debug, Default)]
pub(crate) struct Pairs(BTreeMap<(SocketAddr, SocketAddr), TeredoPair>);

impl Pairs {
    pub(crate) fn datagram(&mut self, datagram: &Datagram<'_>) -> Option<What> {
        let (from, to) = (datagram.from, datagram.to);
        let key = (from.min(to), from.max(to));
        if self.0.len() == MAX_PAIRS && !self.0.contains_key(&key) {
            return None;
        }
        let pair = self.0.entry(key).or_insert_with(|| TeredoPair {
            client: from,
            server: to,
            solicitations: 0,
            advertisements: 0,
            bubbles: 0,
            data: 0,
            malformed: 0,
            origin: None,
        });
        let Ok(packet) = teredo::Packet::parse(datagram.payload) else {
            pair.malformed += u64::from(datagram.whole);
            return None;
        };
        let (kind, count) = match packet.message {
            Message::Solicitation => (TeredoKind::Solicitation, &mut pair.solicitations),
            Message::Advertisement(_) => (TeredoKind::Advertisement, &mut pair.advertisements),
            Message::Bubble => (TeredoKind::Bubble, &mut pair.bubbles),
            Message::Other { .. } => (TeredoKind::Data, &mut pair.data),
        };
        *count += 1;
        let often = *count > 1;
        let origin = packet.origin.map(SocketAddr::V4);
        pair.origin = origin.or(pair.origin);
        // Data comes by the thousand.
        (kind != TeredoKind::Data || !often).then_some(What::Teredo {
            source: from,
            destination: to,
            packet: kind,
            origin,
        })
    }

    pub(crate) fn report(self) -> Vec<TeredoPair> {
        self.0.into_values().collect()
    }
}

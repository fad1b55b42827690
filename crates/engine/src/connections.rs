#[expect(clippy::disallowed_types, reason = "its order is never asked for")]
use std::collections::HashMap;
use std::{
    collections::BTreeSet,
    hash::{BuildHasherDefault, Hasher},
};

use crate::{ConnId, connection::Connection};

/// All connections: found in constant time by their id, and listed in its order.
///
/// The hash map is never iterated, because its order is nobody's decision.
#[derive(Debug, Default)]
#[expect(clippy::disallowed_types, reason = "its order is never asked for")]
pub(crate) struct Connections {
    by_id: HashMap<ConnId, Box<Connection>, BuildHasherDefault<Spread>>,
    ids: BTreeSet<ConnId>,
}

impl Connections {
    pub(crate) fn insert(&mut self, conn: ConnId, connection: Connection) {
        self.ids.insert(conn);
        self.by_id.insert(conn, Box::new(connection));
    }

    pub(crate) fn remove(&mut self, conn: &ConnId) -> Option<Connection> {
        self.ids.remove(conn);
        self.by_id.remove(conn).map(|connection| *connection)
    }

    pub(crate) fn get(&self, conn: &ConnId) -> Option<&Connection> {
        self.by_id.get(conn).map(Box::as_ref)
    }

    pub(crate) fn get_mut(&mut self, conn: &ConnId) -> Option<&mut Connection> {
        self.by_id.get_mut(conn).map(Box::as_mut)
    }

    pub(crate) fn contains_key(&self, conn: &ConnId) -> bool {
        self.by_id.contains_key(conn)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = ConnId> + '_ {
        self.ids.iter().copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ConnId, &Connection)> {
        self.keys()
            .filter_map(|conn| Some((conn, self.get(&conn)?)))
    }
}

/// Spreads numbers that count up. Nobody outside chooses them, so it need not withstand anyone.
#[derive(Debug, Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, number: u64) {
        // By the golden ratio: neighbours come far apart, in the upper bits too.
        self.0 = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(self.0 ^ u64::from(byte));
        }
    }
}

//! For tests: compares what is kept up to date step by step with a count from scratch.

use super::Engine;
use crate::{ConnId, picker::count_missing, session::Upload};

impl Engine {
    pub(crate) fn audit(&self) {
        for (conn, connection) in self.connections.iter() {
            let Some(exchange) = connection.exchange() else {
                continue;
            };
            let swarm = &self.swarms[&exchange.joined.content];
            let wanted = count_missing(&exchange.theirs, &swarm.have);
            assert_eq!(exchange.wanted, wanted, "what is wanted of {conn}");
            let interested = wanted > 0 && swarm.fetches();
            assert_eq!(exchange.interested, interested, "interest in {conn}");
            let rests = matches!(exchange.upload, Upload::Unchoked { .. }) && !exchange.wants;
            let is_noted = self.resting.contains(&(exchange.joined.content, conn));
            assert_eq!(is_noted, rests, "rest of {conn}");
        }
        let sending = self.connections.iter().filter(|(_, it)| it.is_sending());
        assert_eq!(self.senders, sending.count(), "who is sent to");
        for (conn, is_busy) in self.lanes.members() {
            let connection = self.connections.get(&conn).expect("a lane of nobody");
            assert!(
                !is_busy || connection.is_sending(),
                "a lane of {conn}, which sends nothing"
            );
        }
        for swarm in self.swarms.values() {
            let Some(picker) = &swarm.picker else {
                continue;
            };
            let mut copies = vec![0; swarm.layout.pieces() as usize];
            for conn in &swarm.connections {
                let exchange = self.connections.get(conn).and_then(|c| c.exchange());
                for piece in exchange
                    .filter(|x| x.counted)
                    .iter()
                    .flat_map(|x| x.theirs.iter())
                {
                    copies[piece as usize] += 1;
                }
            }
            picker.assert_consistent(&copies, &swarm.have);
        }
        for swarm in self.swarms.values() {
            let interested = |conn: &&ConnId| {
                let exchange = self.connections.get(conn).and_then(|c| c.exchange());
                exchange.is_some_and(|exchange| exchange.interested)
            };
            let deliverers = swarm.connections.iter().filter(interested).count();
            assert_eq!(swarm.deliverers, deliverers, "who can deliver");
        }
        let fetched: usize = self
            .swarms
            .values()
            .filter_map(|swarm| swarm.hybrid.as_ref())
            .flat_map(|hybrid| hybrid.fetches.values())
            .map(|fetch| fetch.open.len())
            .sum();
        let verifying: usize = self.verifying.len() + fetched;
        let under_way: usize = self
            .connections
            .iter()
            .filter_map(|(_, connection)| connection.exchange()?.pipeline())
            .map(|pipeline| pipeline.pieces())
            .sum();
        assert_eq!(
            verifying + under_way == 0,
            self.budget.used() == 0,
            "what is counted"
        );
    }
}

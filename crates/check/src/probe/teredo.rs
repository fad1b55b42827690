//! UDP 3544: a Teredo solicitation, and the advertisement that answers it.

use std::io;

use bytes::BytesMut;
use dolab_wire::teredo::{Message, Packet};
use tokio::{
    net::UdpSocket,
    time::{Instant, sleep_until, timeout_at},
};

use super::{Call, UDP_SCHEDULE, connect, outcome};
use crate::{
    evidence::{CallerSaw, OsError, Outcome},
    session::opening::random,
};

pub(super) async fn probe(call: &Call) -> CallerSaw {
    let mut saw = CallerSaw::new(Outcome::TimedOut);
    match exchange(call, &mut saw).await {
        Ok(outcome) => saw.outcome = outcome,
        Err(error) => {
            saw.error = OsError::from_io(&error);
            saw.outcome = outcome::of_connect(&error);
        }
    }
    saw
}

async fn exchange(call: &Call, saw: &mut CallerSaw) -> io::Result<Outcome> {
    let (socket, second) = connect::udp_socket(call)?;
    let socket = UdpSocket::from_std(socket)?;
    saw.from = socket.local_addr().ok();
    let result = ask(&socket, call, saw).await;
    saw.icmp = connect::icmp_errors(&second);
    result
}

async fn ask(socket: &UdpSocket, call: &Call, saw: &mut CallerSaw) -> io::Result<Outcome> {
    let nonce = random();
    let mut question = BytesMut::new();
    Packet::solicitation(nonce).encode(&mut question);
    let began = Instant::now();
    let end = began + call.patience;
    let mut answer = [0; 2048];
    let mut foreign = false;
    for pause in UDP_SCHEDULE {
        sleep_until((began + pause).min(end)).await;
        let sent = Instant::now();
        saw.attempts += 1;
        socket.send(&question).await?;
        let next = UDP_SCHEDULE.into_iter().find(|later| *later > pause);
        let until = next.map_or(end, |later| (began + later).min(end));
        // An answer that is not ours, such as one without our nonce, does not end the wait.
        while let Ok(received) = timeout_at(until, socket.recv(&mut answer)).await {
            let len = received?;
            if is_answer(&answer[..len], nonce) {
                saw.rtt = Some(sent.elapsed());
                return Ok(Outcome::Open);
            }
            foreign = true;
        }
    }
    Ok(if foreign {
        Outcome::Foreign
    } else {
        Outcome::TimedOut
    })
}

fn is_answer(datagram: &[u8], nonce: [u8; 8]) -> bool {
    Packet::parse(datagram).is_ok_and(|packet| {
        matches!(packet.message, Message::Advertisement(_))
            && packet
                .authentication
                .is_some_and(|auth| auth.nonce() == nonce)
    })
}

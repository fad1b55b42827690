//! A host's resolver: answers what its topology says, on 127.0.0.1.
//!
//! Speaks as much of RFC 1035 as the C library asks: one question for A or AAAA over UDP.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, UdpSocket},
    os::fd::AsFd as _,
    sync::{Arc, Mutex, PoisonError},
};

use super::stop::{Stopped, Woken, Worker};
use crate::topology::{Dns, DnsAnswer};

const A: u16 = 1;
const AAAA: u16 = 28;
/// Seconds that an answer may be kept: none, so that a fault is seen at once.
const TTL: u32 = 0;
const HEADER: usize = 12;
const SERVER_FAILED: u8 = 2;
const NO_SUCH_NAME: u8 = 3;

/// A resolver that runs.
#[derive(Debug)]
pub(super) struct Resolver {
    answers: Arc<Mutex<Answers>>,
    _worker: Worker,
}

#[derive(Debug)]
struct Answers {
    usual: BTreeMap<String, DnsAnswer>,
    /// Come before the usual ones.
    faults: BTreeMap<String, DnsAnswer>,
}

impl Resolver {
    /// Starts one where the caller is.
    pub(super) fn start(dns: &Dns) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 53))?;
        socket.set_nonblocking(true)?;
        let answers = Arc::new(Mutex::new(Answers {
            usual: dns.answers.clone(),
            faults: BTreeMap::new(),
        }));
        let known = Arc::clone(&answers);
        let worker = Worker::start("lab resolver", move |stopped| {
            serve(&socket, &known, &stopped);
        })?;
        Ok(Self {
            answers,
            _worker: worker,
        })
    }

    /// Answers this for a name from now on; `None`: as usual.
    pub(super) fn set(&self, name: &str, answer: Option<DnsAnswer>) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Some(answer) => answers.faults.insert(name.to_owned(), answer),
            None => answers.faults.remove(name),
        };
    }
}

impl Answers {
    fn of(&self, name: &str) -> DnsAnswer {
        let known = fitting(&self.faults, name).or_else(|| fitting(&self.usual, name));
        known.cloned().unwrap_or(DnsAnswer::NoSuchName)
    }
}

/// The answer for the name itself, or for the longest `*.` that it is below.
fn fitting<'a>(answers: &'a BTreeMap<String, DnsAnswer>, name: &str) -> Option<&'a DnsAnswer> {
    if let Some(answer) = answers.get(name) {
        return Some(answer);
    }
    let mut rest = name;
    while let Some((_, parent)) = rest.split_once('.') {
        if let Some(answer) = answers.get(&format!("*.{parent}")) {
            return Some(answer);
        }
        rest = parent;
    }
    None
}

fn serve(socket: &UdpSocket, answers: &Mutex<Answers>, stopped: &Stopped) {
    let mut buffer = [0; 512];
    while let Ok(Woken::Go) = stopped.wait(&[socket.as_fd()], None) {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let Some(question) = buffer.get(..length).and_then(Question::parse) else {
            continue;
        };
        let answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = question.answer(&answers.of(&question.name)) {
            // Who asked may have gone.
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// A query with one question.
struct Question<'a> {
    /// The header and the question, as they came.
    bytes: &'a [u8],
    name: String,
    kind: u16,
}

impl<'a> Question<'a> {
    fn parse(packet: &'a [u8]) -> Option<Self> {
        let header = packet.get(..HEADER)?;
        let is_query = header[2] & 0x80 == 0 && header[4..6] == [0, 1];
        if !is_query {
            return None;
        }
        let mut labels = Vec::new();
        let mut at = HEADER;
        loop {
            let length = usize::from(*packet.get(at)?);
            at += 1;
            // A question's name is not compressed.
            match length {
                0 => break,
                1..=63 => {
                    let label = packet.get(at..at + length)?;
                    labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
                    at += length;
                }
                _ => return None,
            }
        }
        let kind = u16::from_be_bytes(packet.get(at..at + 2)?.try_into().ok()?);
        Some(Self {
            bytes: packet.get(..at + 4)?,
            name: labels.join("."),
            kind,
        })
    }

    /// `None`: silence.
    fn answer(&self, answer: &DnsAnswer) -> Option<Vec<u8>> {
        let (code, addresses) = match answer {
            DnsAnswer::Silence => return None,
            DnsAnswer::Failure => (SERVER_FAILED, &[][..]),
            DnsAnswer::NoSuchName => (NO_SUCH_NAME, &[][..]),
            DnsAnswer::Addresses(addresses) => (0, addresses.as_slice()),
        };
        let of_kind = |address: &&IpAddr| match address {
            IpAddr::V4(_) => self.kind == A,
            IpAddr::V6(_) => self.kind == AAAA,
        };
        let fitting: Vec<&IpAddr> = addresses.iter().filter(of_kind).collect();
        let mut packet = self.bytes.to_vec();
        // An answer, with authority; recursion desired as asked, and available.
        packet[2] = 0x84 | (packet[2] & 0x01);
        packet[3] = 0x80 | code;
        packet[6..8].copy_from_slice(&u16::try_from(fitting.len()).ok()?.to_be_bytes());
        packet[8..12].fill(0);
        for address in fitting {
            // The name is that of the question.
            packet.extend([0xc0, 12]);
            packet.extend(self.kind.to_be_bytes());
            packet.extend([0, 1]);
            packet.extend(TTL.to_be_bytes());
            let octets = match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            packet.extend(u16::try_from(octets.len()).ok()?.to_be_bytes());
            packet.extend(octets);
        }
        Some(packet)
    }
}

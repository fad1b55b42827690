//! As much of pcapng as a capture needs: one section, interfaces with names, packets, remarks.
//! Format: draft-ietf-opsawg-pcapng, little-endian.

use std::io::{self, Write};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const ETHERNET: u16 = 1;

const OPT_END: u16 = 0;
const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
/// Nanoseconds.
const NINE_DIGITS: u8 = 9;
/// Bytes of a remark that are kept.
const LONGEST_NOTE: usize = 1024;

/// A file that is being written.
#[derive(Debug)]
pub(super) struct Writer<W> {
    to: W,
    written: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a file. `snap`: bytes of a packet that are kept.
    pub(super) fn begin(to: W, host: &str, interfaces: &[String], snap: u32) -> io::Result<Self> {
        let mut writer = Self { to, written: 0 };
        let mut body = Vec::new();
        body.extend(BYTE_ORDER.to_le_bytes());
        body.extend([1, 0, 0, 0]);
        // The length of the section is not known yet.
        body.extend((-1_i64).to_le_bytes());
        option(&mut body, SHB_USERAPPL, b"dolab lab");
        end(&mut body);
        writer.block(SECTION, &body)?;
        for name in interfaces {
            let mut body = Vec::new();
            body.extend(ETHERNET.to_le_bytes());
            body.extend([0, 0]);
            body.extend(snap.to_le_bytes());
            option(&mut body, IF_NAME, name.as_bytes());
            option(
                &mut body,
                IF_DESCRIPTION,
                format!("{name} of {host}").as_bytes(),
            );
            option(&mut body, IF_TSRESOL, &[NINE_DIGITS]);
            end(&mut body);
            writer.block(INTERFACE, &body)?;
        }
        writer.flush()?;
        Ok(writer)
    }

    /// Adds a packet that passed at `nanos` since 1970.
    /// `frame`: as much of it as is kept, of `whole` bytes.
    pub(super) fn packet(
        &mut self,
        interface: u32,
        nanos: u64,
        frame: &[u8],
        whole: usize,
    ) -> io::Result<()> {
        let body = packet(interface, nanos, frame, whole);
        self.block(PACKET, &body)
    }

    /// Adds a remark: on an empty packet, for that is where readers show one with its time.
    pub(super) fn note(&mut self, nanos: u64, text: &str) -> io::Result<()> {
        let mut body = packet(0, nanos, &[], 0);
        let end_of_text = text.floor_char_boundary(LONGEST_NOTE.min(text.len()));
        option(&mut body, OPT_COMMENT, &text.as_bytes()[..end_of_text]);
        end(&mut body);
        self.block(PACKET, &body)
    }

    /// Bytes so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }

    fn block(&mut self, kind: u32, body: &[u8]) -> io::Result<()> {
        // Type and length, and the length again.
        let length = body.len() + 12;
        let number = u32::try_from(length).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.to.write_all(&kind.to_le_bytes())?;
        self.to.write_all(&number.to_le_bytes())?;
        self.to.write_all(body)?;
        self.to.write_all(&number.to_le_bytes())?;
        self.written += length as u64;
        Ok(())
    }
}

/// The body of a packet's block up to its options, which begin at a multiple of four.
fn packet(interface: u32, nanos: u64, kept: &[u8], whole: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(kept.len() + 24);
    body.extend(interface.to_le_bytes());
    body.extend(((nanos >> 32) as u32).to_le_bytes());
    body.extend((nanos as u32).to_le_bytes());
    body.extend((kept.len() as u32).to_le_bytes());
    body.extend((whole as u32).to_le_bytes());
    body.extend(kept);
    pad(&mut body);
    body
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn end(body: &mut Vec<u8>) {
    option(body, OPT_END, &[]);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

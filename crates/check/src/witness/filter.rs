//! The kernel's filter, so that bulk data never reaches the witness. Classic BPF, assembled from
//! labels, since relative jumps do not read.

use super::Watched;

/// One instruction as the kernel takes it: code, jump if true, jump if false, operand.
pub(super) type Op = (u16, u8, u8, u32);

/// Bytes of a packet that are handed out: enough for the headers within an ICMP error.
pub(super) const SNAP: u32 = 256;

/// Which packets: those that this host sends, or those that it gets. The kernel marks them, so
/// that no list of own addresses is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Left,
    Arrived,
}

// linux/filter.h and linux/bpf_common.h.
const LD_W_ABS: u16 = 0x20;
const LD_B_ABS: u16 = 0x30;
const LD_H_ABS: u16 = 0x28;
const LD_H_IND: u16 = 0x48;
const LD_B_IND: u16 = 0x50;
const LDX_IMM: u16 = 0x01;
const LDX_MSH: u16 = 0xb1;
const JA: u16 = 0x05;
const JEQ: u16 = 0x15;
const JGT: u16 = 0x25;
const JSET: u16 = 0x45;
const RET: u16 = 0x06;
/// Offsets from here on are facts about the packet, not its bytes (SKF_AD_OFF).
const META: u32 = 0xffff_f000;
const META_PROTOCOL: u32 = META;
const META_PACKET_TYPE: u32 = META + 4;

// linux/if_packet.h.
const PACKET_MULTICAST: u32 = 2;
const PACKET_OUTGOING: u32 = 4;

const SYN_OR_RST: u32 = 0x06;
const QUIC_LONG_HEADER: u32 = 0x80;

/// A jump target that stands further down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Next,
    Keep,
    Drop,
    V6,
    Transport,
    Tcp,
    Udp,
    Quic,
    Icmp4,
    Icmp6,
}

#[derive(Default)]
struct Program {
    ops: Vec<(u16, Label2, u32)>,
    labels: Vec<(Label, usize)>,
}

type Label2 = Option<(Label, Label)>;

impl Program {
    fn op(&mut self, code: u16, k: u32) {
        self.ops.push((code, None, k));
    }

    fn jump(&mut self, code: u16, k: u32, then: Label, otherwise: Label) {
        self.ops.push((code, Some((then, otherwise)), k));
    }

    fn go(&mut self, to: Label) {
        self.ops.push((JA, Some((to, to)), 0));
    }

    fn label(&mut self, label: Label) {
        self.labels.push((label, self.ops.len()));
    }

    fn target(&self, from: usize, label: Label) -> usize {
        if label == Label::Next {
            return 0;
        }
        let at = self
            .labels
            .iter()
            .find(|(l, _)| *l == label)
            .map_or(from + 1, |(_, at)| *at);
        at - from - 1
    }

    fn assemble(self) -> Vec<Op> {
        let short = |offset: usize| u8::try_from(offset).expect("the program is shorter than 255");
        let encode = |(at, (code, jump, k)): (usize, &(u16, Label2, u32))| match jump {
            None => (*code, 0, 0, *k),
            Some((to, _)) if *code == JA => (JA, 0, 0, u32::from(short(self.target(at, *to)))),
            Some((then, otherwise)) => {
                let offset = |label| short(self.target(at, label));
                (*code, offset(*then), offset(*otherwise), *k)
            }
        };
        self.ops.iter().enumerate().map(encode).collect()
    }
}

/// The filter for packets from the network header on. Kept are: TCP SYN and RST, and UDP, on the
/// watched ports; long-header packets of QUIC; ICMP and ICMPv6 errors; ARP and neighbour
/// discovery. IPv6 extension headers are not looked through, and fragments have no ports.
pub(super) fn program(watched: &Watched, way: Way) -> Vec<Op> {
    use Label::*;
    let mut p = Program::default();
    p.op(LD_W_ABS, META_PACKET_TYPE);
    match way {
        Way::Left => p.jump(JEQ, PACKET_OUTGOING, Next, Drop),
        // To this host, to all, to a group; not to others, and not what it sent itself.
        Way::Arrived => p.jump(JGT, PACKET_MULTICAST, Drop, Next),
    }
    p.op(LD_W_ABS, META_PROTOCOL);
    p.jump(JEQ, 0x0806, Keep, Next);
    p.jump(JEQ, 0x86dd, V6, Next);
    p.jump(JEQ, 0x0800, Next, Drop);
    p.op(LD_H_ABS, 6);
    p.jump(JSET, 0x1fff, Drop, Next);
    p.op(LDX_MSH, 0);
    p.op(LD_B_ABS, 9);
    p.jump(JEQ, 1, Icmp4, Transport);
    p.label(V6);
    p.op(LDX_IMM, 40);
    p.op(LD_B_ABS, 6);
    p.jump(JEQ, 58, Icmp6, Transport);
    p.label(Transport);
    p.jump(JEQ, 6, Tcp, Next);
    p.jump(JEQ, 17, Udp, Drop);
    p.label(Icmp4);
    p.op(LD_B_IND, 0);
    for kind in [3, 11] {
        p.jump(JEQ, kind, Keep, Next);
    }
    p.go(Drop);
    p.label(Icmp6);
    p.op(LD_B_IND, 0);
    for kind in [1, 2, 3, 135, 136] {
        p.jump(JEQ, kind, Keep, Next);
    }
    p.go(Drop);
    p.label(Tcp);
    p.op(LD_B_IND, 13);
    p.jump(JSET, SYN_OR_RST, Next, Drop);
    for offset in [0, 2] {
        p.op(LD_H_IND, offset);
        watched
            .tcp
            .iter()
            .for_each(|port| p.jump(JEQ, u32::from(*port), Keep, Next));
    }
    p.go(Drop);
    p.label(Udp);
    for offset in [0, 2] {
        p.op(LD_H_IND, offset);
        watched
            .udp
            .iter()
            .for_each(|port| p.jump(JEQ, u32::from(*port), Keep, Next));
        watched
            .quic
            .iter()
            .for_each(|port| p.jump(JEQ, u32::from(*port), Quic, Next));
    }
    p.go(Drop);
    p.label(Quic);
    p.op(LD_B_IND, 8);
    p.jump(JSET, QUIC_LONG_HEADER, Keep, Drop);
    p.label(Drop);
    p.op(RET, 0);
    p.label(Keep);
    p.op(RET, SNAP);
    p.assemble()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::PathId;

    /// Runs a program as the kernel would: the bytes kept of the packet, 0 when it is dropped.
    fn run(program: &[Op], packet_type: u32, protocol: u32, packet: &[u8]) -> u32 {
        let (mut a, mut x, mut pc) = (0_u32, 0_u32, 0_usize);
        let byte = |at: u32| packet.get(at as usize).copied().map(u32::from);
        loop {
            let (code, jt, jf, k) = program[pc];
            pc += 1;
            let load = match code {
                LD_W_ABS if k == META_PACKET_TYPE => Some(packet_type),
                LD_W_ABS if k == META_PROTOCOL => Some(protocol),
                LD_B_ABS => byte(k),
                LD_B_IND => byte(x + k),
                LD_H_ABS => byte(k).zip(byte(k + 1)).map(|(h, l)| h << 8 | l),
                LD_H_IND => byte(x + k).zip(byte(x + k + 1)).map(|(h, l)| h << 8 | l),
                LDX_IMM => {
                    x = k;
                    continue;
                }
                LDX_MSH => {
                    x = (byte(k).unwrap() & 0xf) * 4;
                    continue;
                }
                JA => {
                    pc += k as usize;
                    continue;
                }
                JEQ | JGT | JSET => {
                    let yes = match code {
                        JEQ => a == k,
                        JGT => a > k,
                        _ => a & k != 0,
                    };
                    pc += usize::from(if yes { jt } else { jf });
                    continue;
                }
                RET => return k,
                other => panic!("unknown code {other:#x}"),
            };
            // A load beyond the packet ends the program and drops it.
            let Some(value) = load else { return 0 };
            a = value;
        }
    }

    fn watched() -> Watched {
        Watched::default()
            .and(PathId::Tcp7680, 7680)
            .and(PathId::Udp3544, 3544)
            .and(PathId::Udp443, 443)
    }

    fn v4(protocol: u8, transport: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0];
        packet.extend([192, 0, 2, 1, 192, 0, 2, 7]);
        packet.extend(transport);
        packet
    }

    fn v6(next: u8, transport: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0, 0, 0, next, 64];
        packet.extend([0; 32]);
        packet.extend(transport);
        packet
    }

    fn tcp(from: u16, to: u16, flags: u8) -> Vec<u8> {
        let mut segment = [from.to_be_bytes(), to.to_be_bytes()].concat();
        segment.extend([0; 16]);
        segment[13] = flags;
        segment
    }

    fn udp(from: u16, to: u16, first: u8) -> Vec<u8> {
        let mut datagram = [from.to_be_bytes(), to.to_be_bytes()].concat();
        datagram.extend([0, 9, 0, 0, first]);
        datagram
    }

    #[test]
    fn keeps_what_opens_a_path_and_nothing_else() {
        let (syn, ack, rst) = (0x02, 0x10, 0x04);
        let cases: Vec<(&str, Vec<u8>, u8, bool)> = vec![
            ("syn", tcp(40_000, 7680, syn), 6, true),
            ("syn/ack", tcp(7680, 40_000, syn | ack), 6, true),
            ("rst", tcp(7680, 40_000, rst), 6, true),
            ("data", tcp(40_000, 7680, ack), 6, false),
            ("other port", tcp(40_000, 7681, syn), 6, false),
            ("teredo", udp(40_000, 3544, 0), 17, true),
            ("teredo answer", udp(3544, 40_000, 0), 17, true),
            ("udp on the tcp port", udp(40_000, 7680, 0), 17, false),
            ("quic initial", udp(40_000, 443, 0xc0), 17, true),
            ("quic data", udp(443, 40_000, 0x40), 17, false),
        ];
        let left = program(&watched(), Way::Left);
        for (name, transport, protocol, kept) in cases {
            let expected = if kept { SNAP } else { 0 };
            let four = v4(protocol, &transport);
            assert_eq!(
                run(&left, PACKET_OUTGOING, 0x0800, &four),
                expected,
                "{name}, IPv4"
            );
            let six = v6(protocol, &transport);
            assert_eq!(
                run(&left, PACKET_OUTGOING, 0x86dd, &six),
                expected,
                "{name}, IPv6"
            );
        }
    }

    #[test]
    fn keeps_icmp_errors_and_link_resolution() {
        let arrived = program(&watched(), Way::Arrived);
        let run4 = |kind: u8| run(&arrived, 0, 0x0800, &v4(1, &[kind; 8]));
        let run6 = |kind: u8| run(&arrived, 2, 0x86dd, &v6(58, &[kind; 8]));
        assert_eq!([3, 11, 0, 8].map(run4), [SNAP, SNAP, 0, 0]);
        assert_eq!(
            [1, 2, 3, 135, 136, 128, 134].map(run6),
            [SNAP, SNAP, SNAP, SNAP, SNAP, 0, 0]
        );
        assert_eq!(run(&arrived, 1, 0x0806, &[0; 28]), SNAP);
        assert_eq!(run(&arrived, 0, 0x8100, &[0; 28]), 0);
    }

    #[test]
    fn each_way_sees_its_own() {
        let packet = v4(6, &tcp(40_000, 7680, 2));
        let (left, arrived) = (
            program(&watched(), Way::Left),
            program(&watched(), Way::Arrived),
        );
        // To us, to all, to a group, to others, from us, looped back.
        for (packet_type, out, inward) in [
            (0, 0, SNAP),
            (1, 0, SNAP),
            (2, 0, SNAP),
            (3, 0, 0),
            (4, SNAP, 0),
            (5, 0, 0),
        ] {
            assert_eq!(run(&left, packet_type, 0x0800, &packet), out);
            assert_eq!(run(&arrived, packet_type, 0x0800, &packet), inward);
        }
    }

    #[test]
    fn fragments_and_options() {
        let arrived = program(&watched(), Way::Arrived);
        let mut fragment = v4(6, &tcp(40_000, 7680, 2));
        fragment[7] = 1;
        assert_eq!(run(&arrived, 0, 0x0800, &fragment), 0);
        let mut options = v4(6, &[]);
        options[0] = 0x46;
        options.extend([0; 4]);
        options.extend(tcp(40_000, 7680, 2));
        assert_eq!(run(&arrived, 0, 0x0800, &options), SNAP);
        assert_eq!(run(&arrived, 0, 0x0800, &options[..21]), 0, "truncated");
    }

    #[test]
    fn as_many_ports_as_promised_fit() {
        let ports = 0..100_u16;
        let many = [PathId::Tcp7680, PathId::Udp3544, PathId::Udp443]
            .into_iter()
            .flat_map(|path| ports.clone().map(move |port| (path, port)))
            .fold(Watched::default(), |w, (path, port)| w.and(path, port));
        let program = program(&many, Way::Arrived);
        assert!(program.len() < 4096);
        assert_eq!(run(&program, 0, 0x0800, &v4(6, &tcp(9, 60_000, 2))), SNAP);
    }
}

//! What witness, error queue and half-open table see when real rules of a real kernel are in the
//! way, and that blame follows from it. Two hosts and a router in network namespaces that the test
//! makes. Needs root and nft; says so when it did not run, and fails then where
//! `DOLAB_REQUIRE_NETNS=1` asks for it.
#![cfg(target_os = "linux")]

mod netns;

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use dolab_check::{
    blame::{Cause, Judgement, judge},
    evidence::{
        Answer, CalleeReport, CalleeSaw, CallerReport, CallerSaw, ClosedBecause, Listener, OsError,
        Outcome, PathEvidence, Unreachable,
    },
    icmp,
    report::{Direction, PathId, PathState, Protocol},
    witness::{Flow, Role, Watched, Witness},
};
use netns::{Space, ip};
use socket2::{Domain, SockAddr, Socket, Type};

/// Longer than the first retransmission of a SYN, shorter than the kernel's patience with ARP.
const PATIENCE: Duration = Duration::from_millis(1300);
const CALLEE: [&str; 2] = ["10.77.2.1", "fd77:2::1"];

struct Net {
    hosts: [Space; 3],
}

const CALLER: usize = 0;
const ROUTER: usize = 1;
const HOST: usize = 2;

impl Net {
    fn new() -> Self {
        let net = Self {
            hosts: ["a", "r", "b"].map(Space::new),
        };
        let [a, r, b] = net.hosts.each_ref().map(|host| host.name.as_str());
        for host in &net.hosts {
            // Link-local addresses at once, without a second of looking for duplicates.
            host.set("ipv6/conf/default/accept_dad", "0");
        }
        ip(&format!(
            "-n {a} link add eth0 type veth peer name eth0 netns {r}"
        ));
        ip(&format!(
            "-n {b} link add eth0 type veth peer name eth1 netns {r}"
        ));
        for (host, device, four, six) in [
            (a, "eth0", "10.77.1.1/24", "fd77:1::1/64"),
            (r, "eth0", "10.77.1.254/24", "fd77:1::fe/64"),
            (r, "eth1", "10.77.2.254/24", "fd77:2::fe/64"),
            (b, "eth0", "10.77.2.1/24", "fd77:2::1/64"),
        ] {
            ip(&format!("-n {host} addr add {four} dev {device}"));
            ip(&format!("-n {host} addr add {six} dev {device} nodad"));
            ip(&format!("-n {host} link set {device} up"));
        }
        for (host, four, six) in [
            (a, "10.77.1.254", "fd77:1::fe"),
            (b, "10.77.2.254", "fd77:2::fe"),
        ] {
            ip(&format!("-n {host} route add default via {four}"));
            ip(&format!("-n {host} route add default via {six}"));
        }
        for name in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            net.hosts[ROUTER].set(name, "1");
        }
        net
    }

    fn within<T: Send>(&self, host: usize, run: impl FnOnce() -> T + Send) -> T {
        self.hosts[host].within(run)
    }

    fn rule(&self, host: usize, hook: &str, rule: &str) {
        self.hosts[host].nft(&format!(
            "table inet dolab {{ chain c {{ type filter hook {hook} priority 0;\n{rule}\n}}\n}}\n"
        ));
    }

    fn clear(&self) {
        for host in &self.hosts {
            host.nft("flush ruleset\n");
        }
    }
}

/// The callee's program: accepts, and answers every datagram with itself.
struct Callee {
    tcp: Vec<TcpListener>,
    udp: Vec<UdpSocket>,
}

impl Callee {
    fn start(net: &Net) -> Self {
        net.within(HOST, || {
            let at = |ip: &str, port: u16| SocketAddr::new(ip.parse().expect("address"), port);
            let tcp = CALLEE.map(|ip| TcpListener::bind(at(ip, 7680)).expect("7680"));
            let udp = CALLEE.map(|ip| UdpSocket::bind(at(ip, 3544)).expect("3544"));
            for socket in &tcp {
                socket.set_nonblocking(true).expect("nonblocking");
            }
            for socket in &udp {
                socket.set_nonblocking(true).expect("nonblocking");
            }
            Self {
                tcp: tcp.into(),
                udp: udp.into(),
            }
        })
    }

    /// What came during a call. Datagrams are answered as they come, by `serve`.
    fn accepted(&self, family: usize) -> bool {
        let mut any = false;
        while self.tcp[family].accept().is_ok() {
            any = true;
        }
        any
    }

    fn serve(&self, family: usize, stop: &AtomicBool) -> (bool, Answer) {
        let (mut any, mut answer) = (false, Answer::None);
        let mut buffer = [0; 64];
        while !stop.load(Ordering::Relaxed) {
            match self.udp[family].recv_from(&mut buffer) {
                Ok((length, from)) => {
                    any = true;
                    answer = match self.udp[family].send_to(&buffer[..length], from) {
                        Ok(_) => Answer::Sent,
                        Err(e) => Answer::Forbidden(OsError::from_io(&e).expect("an error number")),
                    };
                }
                Err(_) => thread::yield_now(),
            }
            thread::park_timeout(Duration::from_millis(1));
        }
        (any, answer)
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "any other error fails the test"
)]
fn outcome(error: &io::Error) -> Outcome {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Outcome::Refused,
        io::ErrorKind::NetworkUnreachable => Outcome::Unreachable(Unreachable::Net),
        io::ErrorKind::HostUnreachable => Outcome::Unreachable(Unreachable::Host),
        io::ErrorKind::PermissionDenied => Outcome::Forbidden,
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Outcome::TimedOut,
        other => panic!("{other}: {error}"),
    }
}

/// One call, as a probe makes it.
fn call(path: PathId, to: SocketAddr) -> CallerSaw {
    let tcp = path.protocol() == Protocol::Tcp;
    let kind = if tcp { Type::STREAM } else { Type::DGRAM };
    let socket = Socket::new(Domain::for_address(to), kind, None).expect("socket");
    icmp::enable(&socket).expect("error queue");
    let begin = Instant::now();
    let result = if tcp {
        socket
            .connect_timeout(&SockAddr::from(to), PATIENCE)
            .map_err(|e| {
                // The library hands out the socket's error; a timeout has none.
                if e.kind() == io::ErrorKind::TimedOut {
                    io::ErrorKind::TimedOut.into()
                } else {
                    e
                }
            })
    } else {
        socket.set_read_timeout(Some(PATIENCE)).expect("timeout");
        let udp = UdpSocket::from(socket.try_clone().expect("clone"));
        udp.send_to(b"hello", to)
            .and_then(|_| udp.recv_from(&mut [0; 64]))
            .map(|_| ())
    };
    let mut saw = CallerSaw::new(result.as_ref().map_or_else(outcome, |()| Outcome::Open));
    saw.error = result.err().and_then(|e| OsError::from_io(&e));
    saw.waited = begin.elapsed();
    saw.attempts = 1;
    saw.to = Some(to);
    saw.from = socket
        .local_addr()
        .ok()
        .and_then(|a| a.as_socket())
        .filter(|a| {
            // An unconnected socket has no address of its own: the route's is asked for.
            !a.ip().is_unspecified()
        });
    if saw.from.is_none() {
        let route = UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" });
        saw.from = route
            .and_then(|s| s.connect(to).and_then(|()| s.local_addr()))
            .ok();
    }
    saw.icmp = icmp::drain(&socket);
    saw
}

struct Lab {
    net: Net,
    callee: Option<Callee>,
}

impl Lab {
    /// All the evidence of one call.
    fn run(&self, path: PathId, to: IpAddr) -> PathEvidence {
        let family = usize::from(to.is_ipv6());
        let port = path.port();
        let watched = Watched::default().and(path, port);
        let start = |host| self.net.within(host, || Witness::start(watched.clone()));
        let (at_caller, at_callee) = (start(CALLER), start(HOST));
        assert_eq!(at_caller.unavailable(), None);
        let since = Instant::now();
        let stop = AtomicBool::new(false);
        let (saw, got) = thread::scope(|s| {
            let udp = path.protocol() == Protocol::Udp;
            let serving = self
                .callee
                .as_ref()
                .filter(|_| udp)
                .map(|callee| s.spawn(|| callee.serve(family, &stop)));
            let saw = self
                .net
                .within(CALLER, || call(path, SocketAddr::new(to, port)));
            let got = match (&self.callee, serving) {
                (None, _) => None,
                (Some(_), Some(serving)) => {
                    stop.store(true, Ordering::Relaxed);
                    Some(serving.join().expect("responder"))
                }
                (Some(callee), None) => Some((callee.accepted(family), Answer::None)),
            };
            (saw, got)
        });
        let from: IpAddr = ["10.77.1.1", "fd77:1::1"][family].parse().expect("address");
        let listener = match got {
            Some(_) => Listener::Listening,
            None => Listener::Closed(ClosedBecause::Stopped),
        };
        let flow = |remote, role| Flow {
            path,
            port,
            remote,
            role,
        };
        let half_open = self.net.within(HOST, || {
            at_callee.half_open(&flow(from, Role::Callee), since)
        });
        let witness = at_caller.saw(&flow(to, Role::Caller), since);
        PathEvidence::from_caller(path, Direction::Outbound, CallerReport { saw, witness })
            .with_callee(CalleeReport {
                saw: CalleeSaw {
                    listener,
                    accepted: got.as_ref().map(|(accepted, _)| *accepted),
                    answer: got.map_or(Answer::None, |(_, answer)| answer),
                    half_open,
                    rules: None,
                    rules_unread: None,
                },
                witness: at_callee.saw(&flow(from, Role::Callee), since),
            })
    }
}

impl Lab {
    /// Both paths over both families, at the same time.
    fn all(&self) -> Vec<(PathId, &'static str, PathEvidence)> {
        let calls = [PathId::Tcp7680, PathId::Udp3544].map(|path| CALLEE.map(|to| (path, to)));
        thread::scope(|s| {
            let calls: Vec<_> = calls
                .into_iter()
                .flatten()
                .map(|(path, to)| {
                    let call = s.spawn(move || self.run(path, to.parse().expect("address")));
                    (path, to, call)
                })
                .collect();
            calls
                .into_iter()
                .map(|(path, to, c)| (path, to, c.join().expect("call")))
                .collect()
        })
    }
}

/// A rule on a host, and what must come of it over TCP and, where the rule speaks of it, UDP.
struct Row {
    host: usize,
    hook: &'static str,
    /// `PORT` stands for both ports on the side of the match.
    action: &'static str,
    answers: bool,
    state: PathState,
    cause: Cause,
}

impl Row {
    fn new(
        host: usize,
        hook: &'static str,
        action: &'static str,
        state: PathState,
        cause: Cause,
    ) -> Self {
        let answers = matches!(cause, Cause::CalleeOutput | Cause::CallerInput);
        Self {
            host,
            hook,
            action,
            answers,
            state,
            cause,
        }
    }

    fn back(mut self) -> Self {
        self.answers = true;
        self
    }

    fn rules(&self) -> String {
        let side = if self.answers { "sport" } else { "dport" };
        let (tcp, udp) = match self.action.contains("tcp reset") {
            true => (self.action, "drop"),
            false => (self.action, self.action),
        };
        format!("tcp {side} 7680 {tcp}\nudp {side} 3544 {udp}")
    }
}

#[test]
fn real_kernels_give_the_evidence_that_blame_rests_on() {
    use PathState::*;
    if !netns::possible() {
        return;
    }
    let net = Net::new();
    let callee = Some(Callee::start(&net));
    let mut lab = Lab { net, callee };
    let admin = "reject with icmpx type admin-prohibited";
    let rows = [
        Row::new(CALLER, "output", "accept", Open, Cause::Open),
        Row::new(HOST, "input", "drop", Filtered, Cause::CalleeInput),
        Row::new(HOST, "input", "reject", Refused, Cause::CalleeInput),
        Row::new(
            HOST,
            "input",
            "reject with tcp reset",
            Refused,
            Cause::CalleeInput,
        ),
        Row::new(HOST, "input", admin, Unreachable, Cause::CalleeInput),
        Row::new(
            CALLER,
            "output",
            "drop",
            BlockedLocally,
            Cause::CallerOutput,
        ),
        Row::new(
            CALLER,
            "output",
            "reject",
            BlockedLocally,
            Cause::CallerOutput,
        ),
        Row::new(
            CALLER,
            "output",
            "reject with tcp reset",
            BlockedLocally,
            Cause::CallerOutput,
        ),
        Row::new(CALLER, "output", admin, BlockedLocally, Cause::CallerOutput),
        Row::new(ROUTER, "forward", "drop", Filtered, Cause::Between),
        Row::new(ROUTER, "forward", "reject", Refused, Cause::Between),
        Row::new(
            ROUTER,
            "forward",
            "reject with tcp reset",
            Refused,
            Cause::Between,
        ),
        Row::new(ROUTER, "forward", admin, Unreachable, Cause::Between),
        Row::new(HOST, "output", "drop", Filtered, Cause::CalleeOutput),
        Row::new(HOST, "output", "reject", Filtered, Cause::CalleeOutput),
        Row::new(
            HOST,
            "output",
            "reject with tcp reset",
            Filtered,
            Cause::CalleeOutput,
        ),
        Row::new(ROUTER, "forward", "drop", Filtered, Cause::Between).back(),
        Row::new(ROUTER, "forward", "reject", Filtered, Cause::Between).back(),
        Row::new(CALLER, "input", "drop", Filtered, Cause::CallerInput),
        Row::new(CALLER, "input", "reject", Filtered, Cause::CallerInput),
    ];
    let mut wrong = Vec::new();
    for row in &rows {
        lab.net.clear();
        let rules = row.rules();
        lab.net.rule(row.host, row.hook, &rules);
        for (path, to, evidence) in lab.all() {
            let judged = judge(&evidence);
            // Nothing is refused over UDP by a reset: the row drops there.
            let dropped = path == PathId::Udp3544 && row.action.contains("reset");
            let state = if dropped && row.state == Refused {
                Filtered
            } else {
                row.state
            };
            if judged.cause != row.cause || judged.state != state {
                let host = &lab.net.hosts[row.host].name;
                let hook = row.hook;
                wrong.push(format!(
                    "{host} {hook} {rules}, {path} {to}:\n{judged:#?}\n{evidence:#?}"
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
    lab.net.clear();
    absent_host_and_missing_route(&lab);
    lab.callee = None;
    nothing_listens(&lab);
}

fn judged(lab: &Lab, path: PathId, to: &str) -> (Judgement, PathEvidence) {
    let evidence = lab.run(path, to.parse().expect("address"));
    (judge(&evidence), evidence)
}

fn nothing_listens(lab: &Lab) {
    for (path, to, evidence) in lab.all() {
        let judged = judge(&evidence);
        assert_eq!(
            (judged.state, &judged.cause),
            (
                PathState::Refused,
                &Cause::NothingListens(ClosedBecause::Stopped)
            ),
            "{path} {to}: {evidence:#?}"
        );
    }
}

fn absent_host_and_missing_route(lab: &Lab) {
    for to in ["10.77.1.99", "fd77:1::99"] {
        for path in [PathId::Tcp7680, PathId::Udp3544] {
            let (judged, evidence) = judged(lab, path, to);
            assert_eq!(judged.cause, Cause::Absent, "{path} {to}: {evidence:#?}");
        }
    }
    let caller = &lab.net.hosts[CALLER].name;
    for (kind, to) in [
        ("unreachable", "198.51.100.1"),
        ("prohibit", "198.51.100.2"),
        ("unreachable", "2001:db8::1"),
        ("prohibit", "2001:db8::2"),
    ] {
        ip(&format!("-n {caller} route add {kind} {to}"));
        let (judged, evidence) = judged(lab, PathId::Tcp7680, to);
        let expected = match kind {
            "prohibit" => (PathState::BlockedLocally, Cause::CallerOutput),
            _ => (PathState::Unreachable, Cause::CallerRoute),
        };
        assert_eq!(
            (judged.state, judged.cause),
            expected,
            "{kind}: {evidence:#?}"
        );
    }
}

//! The cases. `here` runs the check, `there` is the other host.
//!
//! UDP 5353 is multicast and one way: outbound means that `there` sees the announcements of
//! `here`, inbound that `here` sees those of `there`. Without a session nobody can say whether they
//! are seen over there.

use dolab_tests::{Net, Topology};

use super::{Case, Hook, run};
use Hook::{Between, HereIn, HereOut, MiddleOut, ThereIn, ThereOut};

/// One test for each case; what a case does not name is as in [`Case::OPEN`].
macro_rules! cases {
    ($($(#[$meta:meta])* $name:ident { $($field:ident: $value:expr,)* })*) => {$(
        $(#[$meta])*
        #[test]
        fn $name() {
            run(stringify!($name), Case { $($field: $value,)* ..Case::OPEN });
        }
    )*};
}

/// The first rules of a firewall that knows what it let out.
const STATEFUL: [&str; 2] = ["iif lo accept", "ct state established,related accept"];

cases! {
    nothing_is_blocked {}

    /// They quarrel over the name on the link, and nobody's firewall is to blame for the delay.
    nothing_is_blocked_between_hosts_of_one_name {
        one_name: true,
    }

    nothing_is_blocked_across_a_router {
        topology: Topology::Router,
        // DNS-SD ends at the router, by design and not by a fault.
        paths: "udp-5353 not-tested not-tested",
    }

    // Inbound 7680, on either side.

    inbound_7680_dropped_there {
        rules: &[(ThereIn, "tcp dport 7680 drop")],
        paths: "tcp-7680 filtered:remote-inbound open",
        via: Some("tcp-443"),
        findings: &["DL014"],
        verdict: "degraded",
    }
    inbound_7680_rejected_there {
        rules: &[(ThereIn, "tcp dport 7680 reject")],
        paths: "tcp-7680 refused:remote-inbound open",
        via: Some("tcp-443"),
        findings: &["DL014"],
        verdict: "degraded",
    }
    inbound_7680_reset_there {
        rules: &[(ThereIn, "tcp dport 7680 reject with tcp reset")],
        paths: "tcp-7680 refused:remote-inbound open",
        via: Some("tcp-443"),
        findings: &["DL014"],
        verdict: "degraded",
    }
    inbound_7680_dropped_here {
        rules: &[(HereIn, "tcp dport 7680 drop")],
        paths: "tcp-7680 open filtered:local-inbound",
        findings: &["DL014"],
        verdict: "degraded",
    }
    inbound_7680_rejected_here {
        rules: &[(HereIn, "tcp dport 7680 reject")],
        paths: "tcp-7680 open refused:local-inbound",
        findings: &["DL014"],
        verdict: "degraded",
    }
    inbound_7680_reset_here {
        rules: &[(HereIn, "tcp dport 7680 reject with tcp reset")],
        paths: "tcp-7680 open refused:local-inbound",
        findings: &["DL014"],
        verdict: "degraded",
    }
    inbound_7680_dropped_on_both {
        rules: &[(HereIn, "tcp dport 7680 drop"), (ThereIn, "tcp dport 7680 drop")],
        paths: "tcp-7680 filtered:remote-inbound filtered:local-inbound",
        via: Some("tcp-443"),
        findings: &["DL014"],
        verdict: "fail",
    }

    // Outbound 7680, on either side.

    outbound_7680_dropped_here {
        rules: &[(HereOut, "tcp dport 7680 drop")],
        paths: "tcp-7680 blocked-locally:local-outbound open",
        via: Some("tcp-443"),
        findings: &["DL101"],
        verdict: "degraded",
    }
    outbound_7680_rejected_here {
        rules: &[(HereOut, "tcp dport 7680 reject")],
        paths: "tcp-7680 blocked-locally:local-outbound open",
        via: Some("tcp-443"),
        findings: &["DL101"],
        verdict: "degraded",
    }
    outbound_7680_dropped_there {
        rules: &[(ThereOut, "tcp dport 7680 drop")],
        paths: "tcp-7680 open blocked-locally:remote-outbound",
        findings: &["DL101"],
        verdict: "degraded",
    }
    outbound_7680_rejected_there {
        rules: &[(ThereOut, "tcp dport 7680 reject")],
        paths: "tcp-7680 open blocked-locally:remote-outbound",
        findings: &["DL101"],
        verdict: "degraded",
    }
    /// The listener's own answers are dropped: the caller only sees silence.
    answers_from_7680_dropped_there {
        rules: &[(ThereOut, "tcp sport 7680 drop")],
        paths: "tcp-7680 filtered:remote-outbound open",
        via: Some("tcp-443"),
        findings: &["DL102"],
        verdict: "degraded",
    }
    answers_from_7680_dropped_here {
        rules: &[(HereIn, "tcp sport 7680 drop")],
        paths: "tcp-7680 filtered:local-inbound open",
        via: Some("tcp-443"),
        findings: &["DL102"],
        verdict: "degraded",
    }

    // Something in the middle.

    router_drops_7680 {
        topology: Topology::Router,
        rules: &[(Between, "tcp dport 7680 drop")],
        paths: "tcp-7680 filtered:network filtered:network
                udp-5353 not-tested not-tested",
        via: Some("tcp-443"),
        findings: &["DL017"],
        verdict: "fail",
    }
    router_drops_7680_one_way {
        topology: Topology::Router,
        rules: &[(Between, "iifname here tcp dport 7680 drop")],
        paths: "tcp-7680 filtered:network open
                udp-5353 not-tested not-tested",
        via: Some("tcp-443"),
        findings: &["DL017"],
        verdict: "degraded",
    }
    router_rejects_7680 {
        topology: Topology::Router,
        rules: &[(Between, "tcp dport 7680 reject")],
        paths: "tcp-7680 refused:network refused:network
                udp-5353 not-tested not-tested",
        via: Some("tcp-443"),
        findings: &["DL017"],
        verdict: "fail",
    }
    router_prohibits_7680 {
        topology: Topology::Router,
        rules: &[(Between, "tcp dport 7680 reject with icmpx admin-prohibited")],
        paths: "tcp-7680 unreachable:network unreachable:network
                udp-5353 not-tested not-tested",
        via: Some("tcp-443"),
        findings: &["DL017"],
        verdict: "fail",
    }
    router_resets_7680 {
        topology: Topology::Router,
        rules: &[(Between, "tcp dport 7680 reject with tcp reset")],
        paths: "tcp-7680 refused:network refused:network
                udp-5353 not-tested not-tested",
        via: Some("tcp-443"),
        findings: &["DL017"],
        verdict: "fail",
    }
    switch_drops_7680 {
        rules: &[(Between, "tcp dport 7680 drop")],
        paths: "tcp-7680 filtered:network filtered:network",
        via: Some("tcp-443"),
        findings: &["DL017"],
        verdict: "fail",
    }

    // UDP and DNS-SD.

    udp_blocked_there {
        rules: &[(ThereIn, "meta l4proto udp drop"), (ThereOut, "meta l4proto udp drop")],
        paths: "udp-443 filtered:remote-inbound blocked-locally:remote-outbound
                udp-3544 filtered:remote-inbound blocked-locally:remote-outbound
                udp-5353 filtered:remote-inbound blocked-locally:remote-outbound",
        findings: &["DL020", "DL111", "DL046"],
        verdict: "degraded",
    }
    udp_blocked_here {
        rules: &[(HereIn, "meta l4proto udp drop"), (HereOut, "meta l4proto udp drop")],
        paths: "udp-443 blocked-locally:local-outbound filtered:local-inbound
                udp-3544 blocked-locally:local-outbound filtered:local-inbound
                udp-5353 blocked-locally:local-outbound filtered:local-inbound",
        findings: &["DL020", "DL111", "DL046"],
        verdict: "degraded",
    }
    udp_blocked_by_the_switch {
        rules: &[(Between, "meta l4proto udp drop")],
        paths: "udp-443 filtered:network filtered:network
                udp-3544 filtered:network filtered:network
                udp-5353 filtered:network filtered:network",
        findings: &["DL020", "DL111", "DL046"],
        verdict: "degraded",
    }
    dns_sd_blocked_there {
        rules: &[(ThereIn, "udp dport 5353 drop")],
        paths: "udp-5353 filtered:remote-inbound open",
        findings: &["DL020"],
        verdict: "degraded",
    }
    dns_sd_blocked_here {
        rules: &[(HereIn, "udp dport 5353 drop")],
        paths: "udp-5353 open filtered:local-inbound",
        findings: &["DL020"],
        verdict: "degraded",
    }
    dns_sd_blocked_by_the_switch {
        rules: &[(Between, "udp dport 5353 drop")],
        paths: "udp-5353 filtered:network filtered:network",
        findings: &["DL020"],
        verdict: "degraded",
    }

    // Everything but one port, at the other host.

    only_tcp_7680_passes {
        rules: &[
            (ThereIn, STATEFUL[0]), (ThereIn, STATEFUL[1]),
            (ThereIn, "tcp dport 7680 accept"), (ThereIn, "drop"),
        ],
        paths: "tcp-443 filtered:remote-inbound open
                udp-443 filtered:remote-inbound open
                udp-3544 filtered:remote-inbound open
                udp-5353 filtered:remote-inbound open",
        findings: &["DL020", "DL110", "DL111", "DL046"],
        verdict: "degraded",
    }
    only_tcp_443_passes {
        rules: &[
            (ThereIn, STATEFUL[0]), (ThereIn, STATEFUL[1]),
            (ThereIn, "tcp dport 443 accept"), (ThereIn, "drop"),
        ],
        paths: "tcp-7680 filtered:remote-inbound open
                udp-443 filtered:remote-inbound open
                udp-3544 filtered:remote-inbound open
                udp-5353 filtered:remote-inbound open",
        via: Some("tcp-443"),
        findings: &["DL014", "DL020", "DL111", "DL046"],
        verdict: "degraded",
    }
    only_udp_443_passes {
        rules: &[
            (ThereIn, STATEFUL[0]), (ThereIn, STATEFUL[1]),
            (ThereIn, "udp dport 443 accept"), (ThereIn, "drop"),
        ],
        paths: "tcp-7680 filtered:remote-inbound open
                tcp-443 filtered:remote-inbound open
                udp-3544 filtered:remote-inbound open
                udp-5353 filtered:remote-inbound open",
        via: Some("udp-443"),
        findings: &["DL014", "DL020", "DL110", "DL046"],
        verdict: "degraded",
    }
    /// Teredo carries no session, so that nobody can be asked to call back.
    only_udp_3544_passes {
        rules: &[
            (ThereIn, STATEFUL[0]), (ThereIn, STATEFUL[1]),
            (ThereIn, "udp dport 3544 accept"), (ThereIn, "drop"),
        ],
        paths: "tcp-7680 filtered:remote-inbound? not-tested
                tcp-443 filtered:remote-inbound? not-tested
                udp-443 filtered:remote-inbound? not-tested
                udp-3544 open not-tested
                udp-5353 not-tested not-tested|open",
        via: None,
        findings: &["DL103"],
        verdict: "inconclusive",
    }
    only_udp_5353_passes {
        rules: &[
            (ThereIn, STATEFUL[0]), (ThereIn, STATEFUL[1]),
            (ThereIn, "udp dport 5353 accept"), (ThereIn, "drop"),
        ],
        paths: "tcp-7680 filtered:remote-inbound open
                tcp-443 filtered:remote-inbound open
                udp-443 filtered:remote-inbound open
                udp-3544 filtered:remote-inbound open",
        via: Some("dns-sd-callback"),
        findings: &["DL014", "DL110", "DL111", "DL046"],
        verdict: "degraded",
    }

    // Everything one way.

    everything_into_there_is_blocked {
        rules: &[(ThereIn, STATEFUL[0]), (ThereIn, STATEFUL[1]), (ThereIn, "drop")],
        paths: "tcp-7680 filtered:remote-inbound? not-tested
                tcp-443 filtered:remote-inbound? not-tested
                udp-443 filtered:remote-inbound? not-tested
                udp-3544 filtered:remote-inbound? not-tested
                udp-5353 not-tested not-tested|open",
        via: None,
        findings: &["DL103"],
        verdict: "inconclusive",
    }
    everything_into_here_is_blocked {
        rules: &[(HereIn, STATEFUL[0]), (HereIn, STATEFUL[1]), (HereIn, "drop")],
        paths: "tcp-7680 open filtered:local-inbound
                tcp-443 open filtered:local-inbound
                udp-443 open filtered:local-inbound
                udp-3544 open filtered:local-inbound
                udp-5353 open filtered:local-inbound",
        findings: &["DL014", "DL020", "DL110", "DL111", "DL046"],
        verdict: "degraded",
    }
    everything_out_of_here_is_blocked {
        rules: &[(HereOut, "oif lo accept"), (HereOut, STATEFUL[1]), (HereOut, "drop")],
        paths: "tcp-7680 blocked-locally:local-outbound not-tested
                tcp-443 blocked-locally:local-outbound not-tested
                udp-443 blocked-locally:local-outbound not-tested
                udp-3544 blocked-locally:local-outbound not-tested
                udp-5353 not-tested|blocked-locally:local-outbound not-tested|open",
        via: None,
        findings: &["DL101"],
        verdict: "fail",
    }
    everything_out_of_there_is_blocked {
        rules: &[(ThereOut, "oif lo accept"), (ThereOut, STATEFUL[1]), (ThereOut, "drop")],
        paths: "tcp-7680 open blocked-locally:remote-outbound
                tcp-443 open blocked-locally:remote-outbound
                udp-443 open blocked-locally:remote-outbound
                udp-3544 open blocked-locally:remote-outbound
                udp-5353 open blocked-locally:remote-outbound",
        findings: &["DL101", "DL020", "DL110", "DL111", "DL046"],
        verdict: "degraded",
    }

    // Everything.

    everything_is_dropped_by_the_switch {
        rules: &[(Between, "drop")],
        paths: "tcp-7680 filtered:network? not-tested
                tcp-443 filtered:network? not-tested
                udp-443 filtered:network? not-tested
                udp-3544 filtered:network? not-tested
                udp-5353 not-tested not-tested",
        via: None,
        findings: &["DL103"],
        verdict: "inconclusive",
    }
    everything_is_dropped_by_the_router {
        topology: Topology::Router,
        rules: &[(Between, "drop")],
        paths: "tcp-7680 filtered:network? not-tested
                tcp-443 filtered:network? not-tested
                udp-443 filtered:network? not-tested
                udp-3544 filtered:network? not-tested
                udp-5353 not-tested not-tested",
        via: None,
        findings: &["DL103"],
        verdict: "inconclusive",
    }
    /// The router says who it is, so that the blame is known without a session.
    everything_is_rejected_by_the_router {
        topology: Topology::Router,
        rules: &[(Between, "reject with icmpx admin-prohibited")],
        paths: "tcp-7680 unreachable:network not-tested
                tcp-443 unreachable:network not-tested
                udp-443 unreachable:network not-tested
                udp-3544 unreachable:network not-tested
                udp-5353 not-tested not-tested",
        via: None,
        findings: &["DL017"],
        verdict: "fail",
    }

    // Nobody there, which is no firewall's fault.

    nobody_listens {
        peer: false,
        paths: "tcp-7680 refused:unknown|refused not-tested
                tcp-443 refused:unknown|refused not-tested
                udp-443 refused:unknown|refused not-tested
                udp-3544 refused:unknown|refused not-tested
                udp-5353 not-tested not-tested",
        via: None,
        findings: &["DL043"],
        verdict: "inconclusive",
    }
    nobody_is_there {
        peer: false,
        also: unplug_there,
        paths: "tcp-7680 unreachable:unknown not-tested
                tcp-443 unreachable:unknown not-tested
                udp-443 unreachable:unknown not-tested
                udp-3544 unreachable:unknown not-tested
                udp-5353 not-tested not-tested",
        via: None,
        findings: &["DL115"],
        verdict: "inconclusive",
    }

    // Faults that only content shows.

    mtu_black_hole {
        topology: Topology::Router,
        rules: &[(MiddleOut, "icmp type destination-unreachable drop")],
        also: shrink_both_ways,
        paths: "udp-5353 not-tested not-tested",
        findings: &["DL104"],
        verdict: "fail",
    }
    mtu_black_hole_one_way {
        topology: Topology::Router,
        rules: &[(MiddleOut, "icmp type destination-unreachable drop")],
        also: shrink_the_way_there,
        paths: "udp-5353 not-tested not-tested",
        findings: &["DL104"],
        verdict: "degraded",
    }
    /// The rule also meets the check's own session, whose bytes are far fewer.
    reset_in_mid_transfer {
        rules: &[(ThereIn, "tcp dport 7680 ct bytes > 3000000 reject with tcp reset")],
        findings: &["DL105"],
        verdict: "degraded|fail",
    }
    stall_in_mid_transfer {
        rules: &[(ThereIn, "tcp dport 7680 ct bytes > 3000000 drop")],
        findings: &["DL106"],
        verdict: "degraded|fail",
    }
}

fn unplug_there(net: &Net) {
    net.there
        .ip(&["link", "set", "eth0", "down"])
        .expect("a link can be taken down");
}

fn shrink_the_way_there(net: &Net) {
    net.middle
        .ip(&["link", "set", "there", "mtu", "1300"])
        .expect("an MTU can be set");
}

fn shrink_both_ways(net: &Net) {
    shrink_the_way_there(net);
    net.middle
        .ip(&["link", "set", "here", "mtu", "1300"])
        .expect("an MTU can be set");
}

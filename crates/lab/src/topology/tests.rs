use super::*;

fn read(text: &str) -> Topology {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
}

const GOOD: &str = r#"
[switch.lan]
subnet = "10.50.0.0/24"
[host.a]
gateway = "10.50.0.254"
adapter.eth0 = { switch = "lan", address = "10.50.0.1", link = { rate = "100Mbit/s", delay = "5ms", loss = "0.5%" } }
input = { policy = "drop", rule = [{ protocol = "tcp", port = 7680 }, { port = "80-90", from = "10.0.0.0/8" }] }
[router.r]
adapter.lan = { switch = "lan", address = "10.50.0.254" }
nat = [{ outside = "lan", kind = "address-restricted" }]
"#;

#[test]
fn a_network_is_read() {
    let topology = read(GOOD);
    topology.check().unwrap();
    let link = topology.hosts["a"].adapters["eth0"].link;
    assert_eq!(link.rate.unwrap().bits_per_second(), 100_000_000);
    assert_eq!(link.delay.0.as_millis(), 5);
    assert_eq!(link.loss.hundredths(), 50);
    let rules = &topology.hosts["a"].input.rules;
    assert_eq!(rules[0].port.as_ref().unwrap().range(), 7680..=7680);
    assert_eq!(rules[1].port.as_ref().unwrap().range(), 80..=90);
}

#[test]
fn what_is_wrong_is_said_with_its_field() {
    for (from, to, said) in [
        ("host.a]", "host.a_b]", "host.a_b: "),
        (
            "router.r]",
            "router.lan]",
            "router.lan: \"lan\" is the name of",
        ),
        (
            "switch = \"lan\", address = \"10.50.0.1\"",
            "switch = \"x\", address = \"10.50.0.1\"",
            "host.a.adapter.eth0.switch: there is no switch \"x\"",
        ),
        (
            "10.50.0.1\"",
            "10.51.0.1\"",
            "host.a.adapter.eth0.address: 10.51.0.1 is not in 10.50.0.0/24",
        ),
        (
            "10.50.0.1\"",
            "10.50.0.254\"",
            "router.r.adapter.lan.address: 10.50.0.254 is the address of \"a\"",
        ),
        (
            "gateway = \"10.50.0.254\"",
            "gateway = \"10.9.0.1\"",
            "host.a.gateway: 10.9.0.1 is in no subnet",
        ),
        (
            "outside = \"lan\"",
            "outside = \"wan\"",
            "router.r.nat[0].outside: there is no adapter \"wan\"",
        ),
        (
            "adapter.eth0",
            "adapter.lo",
            "host.a.adapter.lo: \"lo\" is no adapter's name",
        ),
        (
            "loss = \"0.5%\"",
            "mtu = 100",
            "host.a.adapter.eth0.link.mtu: 100 is not within 576 to 9000",
        ),
        (
            "delay = \"5ms\"",
            "reorder = \"1%\"",
            "host.a.adapter.eth0.link.reorder: packets can only overtake",
        ),
        (
            "protocol = \"tcp\"",
            "protocol = \"icmp\"",
            "host.a.input.rule[0].port: ICMP has no ports",
        ),
        (
            "subnet = \"10.50.0.0/24\"",
            "subnet = \"10.50.0.0/24\"\nuplinks = [\"z\"]",
            "switch.lan.uplinks: \"z\" is not plugged",
        ),
    ] {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        let error = read(&text).check().unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
}

#[test]
fn texts_that_are_no_values() {
    for (text, said) in [
        (
            "[switch.a]\nsubnet = \"10.0.0.1/24\"",
            "\"10.0.0.1/24\" is no subnet",
        ),
        ("[switch.a]\nsubnet = \"10.0.0.0/33\"", "is no subnet"),
        (
            "[switch.a]\nsubnet = \"10.0.0.0/24\"\nsubnets = 1",
            "unknown field `subnets`",
        ),
        (
            "[host.a]\nadapter.e = { switch = \"s\", address = \"10.0.0.1\", link = { rate = \"1Mbit\" } }",
            "is no rate",
        ),
        (
            "[host.a]\nadapter.e = { switch = \"s\", address = \"10.0.0.1\", link = { delay = \"2h\" } }",
            "is no duration",
        ),
        (
            "[host.a]\nadapter.e = { switch = \"s\", address = \"10.0.0.1\", link = { loss = \"101%\" } }",
            "is no share",
        ),
        ("[host.a]\ninput.rule = [{ port = 0 }]", "is no port"),
        ("[host.a]\ninput.rule = [{ port = \"9-3\" }]", "is no port"),
    ] {
        let error = toml::from_str::<Topology>(text).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[test]
fn subnets_know_what_is_in_them() {
    let subnet = |text: &str| text.parse::<Subnet>().unwrap();
    for (text, inside, outside) in [
        ("0.0.0.0/0", "1.2.3.4", "::1"),
        ("10.1.2.3/32", "10.1.2.3", "10.1.2.4"),
        ("10.1.0.0/16", "10.1.255.255", "10.2.0.0"),
        ("fd00::/8", "fd12::1", "fe80::1"),
        ("::/0", "fe80::1", "1.2.3.4"),
    ] {
        assert!(subnet(text).contains(inside.parse().unwrap()), "{text}");
        assert!(!subnet(text).contains(outside.parse().unwrap()), "{text}");
        assert_eq!(subnet(text).to_string(), text);
    }
}

use super::*;

#[derive(Deserialize)]
struct One {
    fault: Fault,
}

fn read(text: &str) -> Result<Fault, toml::de::Error> {
    toml::from_str::<One>(&format!("fault.{text}")).map(|one| one.fault)
}

fn network() -> Topology {
    let text = r#"
        [switch.lan]
        subnet = "10.50.0.0/24"
        [host.a]
        adapter.eth0 = { switch = "lan", address = "10.50.0.1" }
        [router.r]
        adapter.lan = { switch = "lan", address = "10.50.0.254" }
    "#;
    toml::from_str(text).unwrap()
}

#[test]
fn places_are_read_and_written() {
    for text in ["b.input", "b.output", "r1.forward", "lan.port.b"] {
        assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
    }
    for text in ["", "b", "b.in", "b.input.x", "lan.port"] {
        assert!(text.parse::<Place>().is_err(), "{text}");
    }
}

#[test]
fn what_can_not_happen_is_refused_with_its_field() {
    for (text, said) in [
        (
            "block = { at = 'z.input' }",
            "block.at: there is no host or router \"z\"",
        ),
        (
            "block = { at = 'a.forward' }",
            "block.at: there is no router \"a\"",
        ),
        (
            "block = { at = 'lan.port.z' }",
            "block.at: \"z\" is not plugged",
        ),
        (
            "block = { at = 'lan.port.a', how = 'reject' }",
            "block.how: a switch has no address",
        ),
        (
            "block = { at = 'a.input', how = 'accept' }",
            "block.how: what is accepted",
        ),
        (
            "block = { at = 'a.input', protocol = 'icmp', port = 1 }",
            "block.port: ICMP",
        ),
        (
            "reset = { at = 'lan.port.a', port = 7680, bytes = 1 }",
            "reset.at: this happens at",
        ),
        (
            "mtu-black-hole = { router = 'r', adapter = 'lan', mtu = 1500 }",
            "mtu-black-hole.mtu: 1500",
        ),
        (
            "mtu-black-hole = { router = 'a', adapter = 'lan', mtu = 1300 }",
            "mtu-black-hole.router: there is no router \"a\"",
        ),
        (
            "link-down = { node = 'a', adapter = 'eth1' }",
            "link-down.adapter: there is no adapter \"eth1\"",
        ),
        (
            "dns = { host = 'a', name = 'x', answer = 'silence' }",
            "dns.host: this host has no resolver",
        ),
        (
            "isolation = { switch = 'wan' }",
            "isolation.switch: there is no switch \"wan\"",
        ),
        (
            "address = { host = 'a', adapter = 'eth0', address = '10.51.0.1' }",
            "address.address: 10.51.0.1 is not in",
        ),
        (
            "shape = { node = 'a', adapter = 'eth0', reorder = '5%' }",
            "shape.reorder: packets can only",
        ),
    ] {
        let error = read(text)
            .unwrap()
            .check(&network())
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(said), "{text}: {error}");
    }
}

#[test]
fn unknown_fields_and_faults_are_refused() {
    assert!(read("block = { at = 'a.input', ports = 1 }").is_err());
    assert!(read("blok = { at = 'a.input' }").is_err());
    let fault = read("half-open = { host = 'a', port = 7680 }").unwrap();
    assert_eq!(fault.name(), "half-open");
}

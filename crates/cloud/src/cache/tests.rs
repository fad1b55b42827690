use super::*;

#[test]
fn names_of_origins_have_a_port_or_port_80() {
    for (name, host, port) in [
        ("Example.org", "example.org", 80),
        ("example.org:8080", "example.org", 8080),
        ("10.0.0.1:81", "10.0.0.1", 81),
    ] {
        assert_eq!(with_port(name), (host.to_owned(), port));
    }
}

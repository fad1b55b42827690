use super::*;

#[test]
fn the_object_that_was_longest_not_asked_for_is_forgotten_first() {
    let cache = Cache::new(CacheConfig::default(), None, false);
    let key = |n: usize| Key {
        origin: "origin.example".into(),
        path: format!("/{n}"),
    };
    for n in 0..MOST_OBJECTS {
        cache.object(key(n));
    }
    cache.object(key(0));
    cache.object(key(MOST_OBJECTS));
    let objects = cache.lock();
    assert_eq!(objects.known.len(), MOST_OBJECTS);
    assert_eq!(objects.order.len(), MOST_OBJECTS);
    assert!(objects.known.contains_key(&key(0)));
    assert!(!objects.known.contains_key(&key(1)));
}

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

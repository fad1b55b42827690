//! Memory has an end.

use super::*;

/// A device of its own at a site of its own, in a group of its own: as dear as one can be.
fn stranger(n: u32) -> (IpAddr, Join) {
    let mut id = [0; 20];
    id[..4].copy_from_slice(&n.to_be_bytes());
    let [a, b, c, d] = n.to_be_bytes();
    let join = Join {
        reported_ip: Some([10, b, c, d].into()),
        subnet_mask: Some([255, 255, 255, 0].into()),
        group_id: Some(format!("group {n}")),
        left: 1,
        ..Join::new("content", PeerId(id), DownloadMode::Group)
    };
    ([100 + a, b, c, d].into(), join)
}

fn small(max_bytes: usize) -> Directory {
    let config = Config {
        max_bytes,
        ..Config::default()
    };
    Directory::new(config, 1)
}

/// Joins strangers until one is refused. Says how many fitted.
fn fill(directory: &mut Directory, at: u64, first: u32, max_bytes: usize) -> u32 {
    (first..)
        .position(|n| {
            let (from, join) = stranger(n);
            let joined = directory.join(seconds(at), from, &join);
            let bytes = directory.counts().bytes;
            assert!(bytes <= max_bytes, "{bytes} after {n}");
            match joined {
                Ok(_) => false,
                Err(JoinError::Full { registrations, .. }) => {
                    assert_eq!(registrations, directory.counts().registrations);
                    true
                }
                Err(other) => panic!("{other}"),
            }
        })
        .unwrap() as u32
}

#[test]
fn newcomers_are_refused_and_those_who_are_in_stay() {
    let max_bytes = 2 << 20;
    let mut directory = small(max_bytes);
    let fitted = fill(&mut directory, 0, 0, max_bytes);
    assert!(fitted > 1000, "{fitted}");
    // A refused one leaves nothing behind.
    let before = directory.counts();
    let (from, join) = stranger(9_999_999);
    directory.join(seconds(1), from, &join).unwrap_err();
    assert_eq!(directory.counts(), before);
    // Whoever is in renews, and then outlives the others.
    let (from, join) = stranger(7);
    directory.join(seconds(10), from, &join).unwrap();
    assert_eq!(directory.expire(seconds(900)), fitted as usize - 1);
    // What they took is there for others.
    let again = fill(&mut directory, 901, 1_000_000, max_bytes);
    assert!(again >= fitted - 1, "{again} of {fitted}");
}

#[test]
fn one_crowd_fills_it_as_well_as_many() {
    let max_bytes = 2 << 20;
    let mut directory = small(max_bytes);
    let mut fitted = 0;
    for n in 0.. {
        let (_, mut join) = stranger(n);
        join.scope = DownloadMode::Internet;
        if directory.join(seconds(0), SITE, &join).is_err() {
            break;
        }
        fitted = n;
        assert!(directory.counts().bytes <= max_bytes);
    }
    assert!(fitted > 5000, "{fitted}");
    // A crowd that shrinks gives back what it needed.
    let full = directory.counts().bytes;
    directory.expire(seconds(900));
    assert!(directory.counts().bytes < full);
}

#[test]
fn churn_does_not_leak() {
    let max_bytes = 8 << 20;
    let mut directory = small(max_bytes);
    let mut settled = 0;
    for round in 0..20 {
        for n in 0..3000 {
            let (from, join) = stranger(round * 3000 + n);
            directory
                .join(seconds(u64::from(round) * 1000), from, &join)
                .unwrap();
        }
        match round {
            3 => settled = directory.counts().bytes,
            4.. => assert!(directory.counts().bytes <= settled * 11 / 10),
            _ => {}
        }
    }
}

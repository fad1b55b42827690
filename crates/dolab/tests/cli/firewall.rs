use crate::program::run;

const SYSTEMS: [&str; 5] = ["windows", "nftables", "ufw", "firewalld", "iptables"];

#[test]
fn every_system_gets_rules_for_the_ports() {
    for system in SYSTEMS {
        let ended = run(&["firewall", "--for", system, "--from", "10.0.0.0/8"]);
        assert_eq!(ended.code, Some(0), "{system}: {}", ended.stderr);
        assert!(ended.stdout.contains("7680"), "{system}");
        assert!(ended.stdout.contains("10.0.0.0/8"), "{system}");
        insta::assert_snapshot!(format!("firewall-{system}"), ended.stdout);
    }
}

#[test]
fn windows_rules_go_by_their_ids() {
    let ended = run(&["firewall", "--for", "windows"]);
    assert!(
        ended.stdout.contains("DeliveryOptimization-TCP-In"),
        "{}",
        ended.stdout
    );
}

#[test]
fn without_a_system_it_is_this_one() {
    let ended = run(&["firewall"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("7680"));
}

#[test]
fn rules_as_json_carry_commands() {
    let ended = run(&["firewall", "--for", "windows", "--json"]);
    let document = ended.json().pop().unwrap();
    assert_eq!(document["schema"], "dolab.firewall/1");
    let rules = document["rules"].as_array().unwrap();
    assert!(
        rules
            .iter()
            .all(|rule| rule["command"].is_string() && rule["why"].is_string())
    );
}

#[test]
fn an_address_range_that_is_none_is_wrong_use() {
    for range in ["10.0.0.0/33", "lan", "10.0.0.0/8; rm -rf /", ""] {
        let ended = run(&["firewall", "--for", "nftables", "--from", range]);
        assert_eq!(ended.code, Some(2), "{range}: {}", ended.stdout);
        assert!(
            ended.stderr.starts_with("error: "),
            "{range}: {}",
            ended.stderr
        );
    }
}

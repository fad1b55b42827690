use super::{windows::quote, *};

fn commands(system: System, wants: &[Want], remote: &[&str]) -> Vec<String> {
    let scope = Scope {
        remote: remote.iter().map(|c| c.parse().unwrap()).collect(),
        profile: None,
    };
    rules(system, wants, &scope)
        .into_iter()
        .map(|r| r.command)
        .collect()
}

const IN: Want = Want {
    path: PathId::Tcp7680,
    port: 7680,
    way: Way::In,
};
const OUT: Want = Want {
    path: PathId::Tcp7680,
    port: 7680,
    way: Way::Out,
};
const BOTH_FAMILIES: [&str; 2] = ["192.0.2.0/24", "2001:db8::/32"];

#[test]
fn windows_by_the_rules_id_and_by_port() {
    let commands = commands(System::Windows, &[IN], &[]);
    assert_eq!(
        commands,
        [
            "Enable-NetFirewallRule -Name DeliveryOptimization-TCP-In",
            "New-NetFirewallRule -Name DeliveryOptimization-TCP-In -DisplayName 'Delivery \
             Optimization (TCP-In)' -Direction Inbound -Action Allow -Protocol TCP -LocalPort 7680 \
             -Program '%SystemRoot%\\system32\\svchost.exe' -Service dosvc -EdgeTraversalPolicy Allow",
            "Enable-NetFirewallRule -Name DeliveryOptimization-UDP-In",
            "New-NetFirewallRule -Name DeliveryOptimization-UDP-In -DisplayName 'Delivery \
             Optimization (UDP-In)' -Direction Inbound -Action Allow -Protocol UDP -LocalPort 7680 \
             -Program '%SystemRoot%\\system32\\svchost.exe' -Service dosvc -EdgeTraversalPolicy Allow",
            "New-NetFirewallRule -Name 'dolab-tcp-7680-in' -DisplayName 'dolab TCP 7680 in' \
             -Direction Inbound -Action Allow -Protocol TCP -LocalPort 7680",
        ]
    );
}

#[test]
fn windows_for_a_scope_and_a_profile() {
    let scope = Scope {
        remote: BOTH_FAMILIES.map(|c| c.parse().unwrap()).into(),
        profile: Some(Profile::Domain),
    };
    let rules = rules(System::Windows, &[IN, OUT], &scope);
    let narrowed = "-RemoteAddress '192.0.2.0/24','2001:db8::/32' -Profile Domain";
    assert_eq!(
        rules[0].command,
        format!("Set-NetFirewallRule -Name DeliveryOptimization-TCP-In -Enabled True {narrowed}")
    );
    assert!(rules[1].command.ends_with(narrowed) && rules[4].command.ends_with(narrowed));
    assert!(rules[5].command.contains("-Direction Outbound"));
    assert!(rules[5].command.contains("-RemotePort 7680"));
    assert!(
        rules[6]
            .command
            .starts_with("Get-NetFirewallRule -Direction Outbound -Action Block")
    );
}

#[test]
fn another_port_has_nothing_to_do_with_the_built_in_rules() {
    let want = Want { port: 17_680, ..IN };
    let commands = commands(System::Windows, &[want], &[]);
    assert_eq!(commands.len(), 1);
    assert!(commands[0].contains("-LocalPort 17680"));
}

#[test]
fn powershell_literals() {
    assert_eq!(quote("plain"), "'plain'");
    assert_eq!(quote("it's $env:x `n \"q\""), "'it''s $env:x `n \"q\"'");
    assert_eq!(
        quote("typographic \u{2019}"),
        "'typographic \u{2019}\u{2019}'"
    );
}

#[test]
fn nftables_puts_the_rule_first() {
    assert_eq!(
        commands(System::Nftables, &[IN, OUT], &[]),
        [
            "nft 'insert rule inet filter input tcp dport 7680 accept'",
            "nft 'insert rule inet filter output tcp dport 7680 accept'",
        ]
    );
    assert_eq!(
        commands(System::Nftables, &[IN], &BOTH_FAMILIES),
        [
            "nft 'insert rule inet filter input ip saddr { 192.0.2.0/24 } tcp dport 7680 accept'",
            "nft 'insert rule inet filter input ip6 saddr { 2001:db8::/32 } tcp dport 7680 accept'",
        ]
    );
}

#[test]
fn ufw_denies_come_after() {
    assert_eq!(
        commands(System::Ufw, &[IN, OUT], &["192.0.2.7"]),
        [
            "ufw prepend allow in proto tcp from 192.0.2.7 to any port 7680",
            "ufw prepend allow out proto tcp to 192.0.2.7 port 7680",
        ]
    );
    assert_eq!(
        commands(System::Ufw, &[IN], &[]),
        ["ufw prepend allow in proto tcp to any port 7680"]
    );
}

#[test]
fn firewalld_keeps_it_and_takes_it() {
    assert_eq!(
        commands(System::Firewalld, &[IN], &[]),
        ["firewall-cmd --permanent --add-port=7680/tcp && firewall-cmd --reload"]
    );
    assert_eq!(
        commands(System::Firewalld, &[IN], &["2001:db8::/32"]),
        [
            "firewall-cmd --permanent --add-rich-rule='rule family=\"ipv6\" source \
          address=\"2001:db8::/32\" port port=\"7680\" protocol=\"tcp\" accept' && \
          firewall-cmd --reload"
        ]
    );
    assert_eq!(
        commands(System::Firewalld, &[OUT], &[]).len(),
        2,
        "one for each family"
    );
}

#[test]
fn iptables_of_the_right_family() {
    assert_eq!(
        commands(System::Iptables, &[IN], &[]),
        [
            "iptables -I INPUT -p tcp --dport 7680 -j ACCEPT",
            "ip6tables -I INPUT -p tcp --dport 7680 -j ACCEPT",
        ]
    );
    assert_eq!(
        commands(System::Iptables, &[OUT], &["2001:db8::/32"]),
        ["ip6tables -I OUTPUT -d 2001:db8::/32 -p tcp --dport 7680 -j ACCEPT"]
    );
}

#[test]
fn answers_share_one_rule() {
    let answers = |path| Want::new(path, Way::AnswersOut);
    let wants = [answers(PathId::Tcp7680), answers(PathId::Udp3544)];
    assert_eq!(
        commands(System::Nftables, &wants, &[]),
        ["nft 'insert rule inet filter output ct state established,related accept'"]
    );
}

#[test]
fn every_rule_is_one_line_and_says_why() {
    let systems = [
        System::Windows,
        System::Nftables,
        System::Ufw,
        System::Firewalld,
        System::Iptables,
    ];
    for system in systems {
        let rules = rules(system, &Want::usual(), &Scope::default());
        assert!(rules.len() >= Want::usual().len(), "{system:?}");
        for rule in rules {
            assert!(
                !rule.command.contains('\n') && !rule.command.contains("  "),
                "{rule:?}"
            );
            assert!(!rule.why.is_empty() && !rule.title.is_empty());
        }
    }
}

#[test]
fn networks() {
    let parse = |text: &str| text.parse::<Cidr>();
    assert_eq!(parse("192.0.2.0/24").unwrap().to_string(), "192.0.2.0/24");
    assert_eq!(parse("192.0.2.7").unwrap().to_string(), "192.0.2.7");
    assert_eq!(parse("0.0.0.0/0").unwrap().to_string(), "0.0.0.0/0");
    assert_eq!(parse("::/0").unwrap().to_string(), "::/0");
    assert_eq!(parse("2001:db8::1").unwrap().to_string(), "2001:db8::1");
    assert_eq!(
        parse("192.0.2.7/24").unwrap_err().to_string(),
        "192.0.2.7/24 is not the first address of its network: write 192.0.2.0/24"
    );
    assert!(matches!(parse("192.0.2.0/33"), Err(CidrError::Prefix(..))));
    assert!(matches!(parse("192.0.2.0/x"), Err(CidrError::Prefix(..))));
    assert!(matches!(parse("$(reboot)"), Err(CidrError::Address(_))));
    let network = parse("192.0.2.0/24").unwrap();
    assert!(network.contains("192.0.2.200".parse().unwrap()));
    assert!(network.contains("::ffff:192.0.2.200".parse().unwrap()));
    assert!(!network.contains("192.0.3.1".parse().unwrap()));
}

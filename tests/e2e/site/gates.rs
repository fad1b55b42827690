//! What a device's gates see of a host as it is.

use dolab_tests::{Lan, Namespace, Process};
use serde_json::Value;

use super::peer;

/// Opens a tunnel of this name as VPN programs do, and runs the rest while it is there.
const TUNNEL: &str = r#"
import fcntl, os, struct, subprocess, sys
name = sys.argv[1]
tunnel = os.open("/dev/net/tun", os.O_RDWR)
# TUNSETIFF, IFF_TUN | IFF_NO_PI
fcntl.ioctl(tunnel, 0x400454ca, struct.pack("16sH", name.encode(), 0x1001))
subprocess.check_call(["ip", "addr", "add", "10.99.0.1/24", "dev", name])
subprocess.check_call(["ip", "link", "set", name, "up"])
sys.exit(subprocess.call(sys.argv[2:]))
"#;

/// Whether the gate of VPNs is open, and why, while a tunnel of this name is there.
fn vpn_gate(host: &Namespace, tunnel: &str, keywords: Option<&str>) -> (String, String) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let policy = folder.path().join("policy.toml");
    let text = keywords.map_or_else(String::new, |it| format!("DOVpnKeywords = \"{it}\"\n"));
    std::fs::write(&policy, text).expect("the folder can be written to");
    let mut python = host.command("python3");
    python.args(["-c", TUNNEL, tunnel]);
    python.arg(dolab_tests::dolab().get_program());
    python.args(["policy", "gates", "--json", "--policy"]);
    let document = peer::document(&Process::run({
        python.arg(&policy);
        python
    }));
    let decisions = document["judgement"]["decisions"].as_array();
    let decisions = decisions.expect("an array");
    let gate = decisions.iter().find(|it| it["gate"] == "vpn");
    let gate = gate.expect("there is a gate for VPNs");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let closed = gate["verdict"] != "open";
    assert_eq!(gate["code"].is_string(), closed, "{gate}");
    (text(&gate["verdict"]), text(&gate["reason"]))
}

#[test]
fn a_tunnel_is_a_vpn_by_its_name_or_its_kind() {
    let Some(lan) = Lan::cable() else { return };
    let host = &lan.hosts[0];
    let (verdict, reason) = vpn_gate(host, "corp-vpn", None);
    assert_eq!(verdict, "closed", "{reason}");
    assert!(reason.contains("`corp-vpn`"), "{reason}");
    // A name that says nothing, until a policy names what kind of interface it is.
    let (verdict, reason) = vpn_gate(host, "uplink7", None);
    assert_eq!(verdict, "open", "{reason}");
    let (verdict, reason) = vpn_gate(host, "uplink7", Some("tun"));
    assert_eq!(verdict, "closed", "{reason}");
    // A policy's words come beside those that are built in (assumed).
    let (verdict, reason) = vpn_gate(host, "corp-vpn", Some("tunnel-of-ours"));
    assert_eq!(verdict, "closed", "{reason}");
}

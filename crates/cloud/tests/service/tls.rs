//! TLS as openssl and curl see it.

use std::process::{Command, Stdio};

use crate::common::Lab;

/// What `openssl s_client` says of a handshake.
fn s_client(lab: &Lab, args: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &lab.https_addr().to_string()])
        .args(["-verify_return_error", "-CAfile"])
        .arg(lab.dir.path().join("ca.pem"))
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("openssl is installed");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn openssl_agrees_with_the_certificate_for_every_name() {
    let lab = Lab::new();
    for (name, _) in dolab_cloud::HOSTS {
        let said = s_client(&lab, &["-servername", name, "-verify_hostname", name]);
        assert!(
            said.contains("Verify return code: 0 (ok)"),
            "{name}: {said}"
        );
    }
    let said = s_client(&lab, &["-verify_ip", "127.0.0.1"]);
    assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
    let said = s_client(&lab, &["-verify_hostname", "example.org"]);
    assert!(said.contains("hostname mismatch"), "{said}");
}

#[test]
fn both_versions_of_tls_and_of_http_are_offered() {
    let lab = Lab::new();
    for (version, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        for protocol in ["h2", "http/1.1"] {
            let said = s_client(&lab, &[version, "-alpn", protocol]);
            assert!(said.contains(name), "{said}");
            assert!(
                said.contains(&format!("ALPN protocol: {protocol}")),
                "{said}"
            );
        }
    }
    let said = s_client(&lab, &["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]);
    assert!(said.contains("no peer certificate available"), "{said}");
}

#[test]
fn a_wrong_certificate_is_shown_to_who_asks_for_the_name() {
    let lab = Lab::new();
    for (how, why) in [
        ("name", "no alternative certificate subject name matches"),
        ("expired", "certificate has expired"),
        ("authority", "certificate"),
    ] {
        let geo = "geo.prod.do.dsp.mp.microsoft.com";
        lab.fault(&format!("host={geo},certificate={how}"));
        let port = lab.https_addr().port();
        let resolve = format!("*:{port}:127.0.0.1");
        let ask = |name: &str| {
            let url = format!("https://{name}:{port}/geo");
            lab.curl_output(&["--resolve", &resolve, &url])
        };
        let refused = ask(geo);
        assert_eq!(refused.status.code(), Some(60), "{how}");
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains(why), "{said}");
        assert!(ask("geo-prod.do.dsp.mp.microsoft.com").status.success());
        lab.cloud().faults().clear();
        assert!(ask(geo).status.success());
    }
}

#[test]
fn the_authority_can_be_had_without_tls() {
    let lab = Lab::new();
    let pem = lab.curl(&[&(lab.http() + dolab_cloud::AUTHORITY_PATH)]);
    assert_eq!(pem.text(), lab.cloud().authority_pem());
    let here = std::fs::read_to_string(lab.dir.path().join("ca.pem")).unwrap();
    assert_eq!(here, pem.text());
}

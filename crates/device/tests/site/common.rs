//! A cloud and devices on loopback, in this process.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which fail by it")]

use std::{net::Ipv4Addr, path::Path, sync::Arc, time::Duration};

use dolab_cloud::{Cloud, CloudConfig, CloudPorts, Content, ContentRules};
use dolab_content::{Layout, Synthetic, hash_source};
use dolab_device::{Device, DeviceConfig};
use dolab_http::{ClientConfig, Trust};
use dolab_policy::{Name, Os, Policies, Raw, Settings, gates::Conditions};

/// Larger than what runs in Simple mode for its size alone.
pub(crate) const SIZE: u64 = 12 << 20;

/// A content of this size, made up.
pub(crate) fn content(seed: u64, size: u64) -> Content {
    let source = Synthetic::new(seed, size);
    let layout = Layout::new(size, 1 << 20).unwrap();
    let hashes = hash_source(&source, layout, 1, &|_| ()).unwrap();
    Content {
        name: format!("made-up-{seed}"),
        source: Arc::new(source),
        hashes: Arc::new(hashes),
        modified: None,
        rules: ContentRules::default(),
    }
}

pub(crate) async fn cloud(contents: Vec<Content>) -> Cloud {
    Cloud::start(CloudConfig {
        listen: vec![Ipv4Addr::LOCALHOST.into()],
        ports: CloudPorts::free(),
        contents,
        ..CloudConfig::default()
    })
    .await
    .unwrap()
}

/// The address of a content at the cloud's origin.
pub(crate) fn url(cloud: &Cloud, content: &Content) -> String {
    let port = cloud.ports().http.unwrap();
    format!("http://127.0.0.1:{port}{}", content.path())
}

/// Policies that let small contents be shared, with these beside.
pub(crate) fn policies(set: &[(Name, Raw)]) -> Policies {
    let mut settings = Settings::new();
    settings
        .set(Name::MinFileSizeToCache, Raw::Number(1))
        .unwrap();
    settings
        .set(Name::RestrictPeerSelectionBy, Raw::Number(0))
        .unwrap();
    for (name, raw) in set {
        settings.set(*name, raw.clone()).unwrap();
    }
    Policies::new(Os::Windows11, &settings)
}

/// A device on loopback with nothing in its way.
pub(crate) fn config(cloud: &Cloud, state: &Path, policies: Policies) -> DeviceConfig {
    let trust = Trust::authorities_from_pem(cloud.authority_pem().as_bytes()).unwrap();
    let http = ClientConfig {
        trust,
        ..ClientConfig::default()
    };
    let cloud = format!("https://127.0.0.1:{}", cloud.ports().https.unwrap());
    let mut config = DeviceConfig::new(state).with_cloud(&cloud, http);
    config.policies = policies;
    config.conditions = Some(Conditions {
        cloud: None,
        uploaded_to_internet: None,
        ..Conditions::usual()
    });
    config.peer.listen = vec![(Ipv4Addr::LOCALHOST, 0).into()];
    config.discovery = None;
    config.patience = Duration::from_secs(30);
    config
}

/// Looks again and again until it is so: for what a device tells nobody of. The deadline only fails
/// the test.
pub(crate) async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    let looking = async {
        while !so() {
            looks.tick().await;
        }
    };
    let looked = tokio::time::timeout(Duration::from_secs(60), looking).await;
    assert!(looked.is_ok(), "waited in vain for {what}");
}

/// The bytes of a content are what is in a file.
pub(crate) fn assert_same(path: &Path, seed: u64, size: u64) {
    use dolab_content::Source;
    let mut expected = vec![0; usize::try_from(size).unwrap()];
    Synthetic::new(seed, size)
        .read_at(0, &mut expected)
        .unwrap();
    assert!(
        std::fs::read(path).unwrap() == expected,
        "{}",
        path.display()
    );
}

pub(crate) async fn start(config: DeviceConfig) -> Device {
    Device::start(config).await.unwrap()
}

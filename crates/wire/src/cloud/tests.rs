use super::*;

/// The sample of a join that is public.
const JOIN: &str = r#"{
    "AltCatalogId": "http://tlu.dl.delivery.mp.microsoft.com/filestreamingservice/files/c6b8cf6e",
    "PeerId": "e08e8e26fd833d4097b3a62b66adc67b00000000", "ReportedIp": "192.168.1.8",
    "SubnetMask": "255.255.255.0", "Ipv6": "fe80::240c:cca8:88ed:fdce", "IsBackground": "0",
    "ClientDialectVersionMajor": "10", "ClientDialectVersionMinor": "1",
    "ClientDialectVersionBuild": "0", "ClientDialectVersionRevision": "12", "Uploaded": "0",
    "Downloaded": "0", "DownloadedCdn": "0", "DownloadedDoinc": "0", "Left": "73473792",
    "JoinRequestEvent": "1", "RestrictedUpload": "0", "PeersWanted": "255", "GroupId": "",
    "Scope": "1", "Profile": "768", "Seq": "0"
}"#;

#[test]
fn the_public_sample_of_a_join_is_read() {
    let join = Join::parse(JOIN.as_bytes()).unwrap();
    assert_eq!(join.left, 73_473_792);
    assert_eq!(Join::parse(&join.to_json()).unwrap(), join);
}

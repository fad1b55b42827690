use dolab_content::{Layout, hash_source};

use super::*;

fn content(seed: u64) -> Content {
    let source = Synthetic::new(seed, 3 << 20);
    let layout = Layout::new(3 << 20, 1 << 20).unwrap();
    let hashes = hash_source(&source, layout, 1, &|_| {}).unwrap();
    Content {
        name: "it".into(),
        source: Arc::new(source),
        hashes: Arc::new(hashes),
        modified: None,
        rules: ContentRules::default(),
    }
}

#[test]
fn a_content_is_found_in_every_way_that_devices_have() {
    let catalogue = Catalogue::default();
    let (one, other) = (catalogue.add(content(1)), catalogue.add(content(2)));
    let (id, path) = (one.hashes.id(), one.path());
    let same = |found: Option<Arc<Content>>| found.is_some_and(|it| it.hashes.id() == id);
    assert!(same(catalogue.named(&id.to_string())));
    assert!(same(catalogue.named(&ContentPolicy::content_id_of(&id.0))));
    assert!(same(
        catalogue.at_url(&format!("http://any.example:81{path}?x=1"))
    ));
    let content_at = |path: &str| match catalogue.at(path) {
        Some(Found::Content(content)) => Some(content),
        _ => None,
    };
    let hashes_at = |path: &str| match catalogue.at(path) {
        Some(Found::PiecesHashFile(content)) => Some(content),
        _ => None,
    };
    assert!(same(content_at(&path)));
    assert!(same(content_at(&format!("{path}/update.cab"))));
    assert!(same(hashes_at(&one.pieces_hash_path())));
    assert!(same(hashes_at(&format!("{path}.phf"))));
    assert!(!same(content_at(&other.path())));
    for path in [
        "",
        "/",
        "//",
        "/pieceshash",
        ".phf",
        "/filestreamingservice/files/",
    ] {
        assert!(catalogue.at(path).is_none(), "{path}");
    }
    for id in ["", "DO-", "DO-AAAA", "zz", &"0".repeat(64)] {
        assert!(catalogue.named(id).is_none(), "{id}");
    }
    assert!(catalogue.at_url("http://").is_none());
    assert_eq!(catalogue.all().len(), 2);
}

#[test]
fn the_test_objects_have_the_sizes_that_are_known() {
    let catalogue = Catalogue::default();
    for (path, _, size) in TEST_OBJECTS {
        let Some(Found::TestObject(resource)) = catalogue.at(path) else {
            panic!("{path}");
        };
        assert_eq!(resource.length, *size);
    }
}

use std::{fs, path::Path};

use super::*;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn every_row_of_the_facts_is_there_once_and_in_order() {
    let codes: Vec<_> = all().iter().map(|it| it.code.as_str()).collect();
    assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
    let rows: Vec<_> = (1..=56).map(|row| format!("DL{row:03}")).collect();
    assert_eq!(codes[..56], rows);
    assert!(codes[56..].iter().all(|code| *code > "DL100"), "{codes:?}");
}

#[test]
fn every_row_says_all_that_it_should() {
    for it in all() {
        let code = &it.code;
        for text in [
            &it.title,
            &it.symptom,
            &it.cause,
            &it.mend,
            &it.rests_on,
            &it.fault,
        ] {
            assert!(text.len() > 5, "{code}: {text:?}");
            assert!(!text.contains("TODO"), "{code}");
        }
        assert!(!it.title.ends_with('.'), "{code}");
        assert!(it.mend.ends_with('.'), "{code}");
        assert_eq!(
            it.shown == Shown::Explained,
            !it.because.is_empty(),
            "{code}"
        );
        assert!(it.is_reproduced() || it.scenarios.is_empty(), "{code}");
        for do_code in &it.do_codes {
            let known = do_code.meaning().is_some() || do_code.zone().is_some();
            assert!(known, "{code}: {do_code}");
        }
        for key in &it.sources {
            assert!(source(key).is_some(), "{code}: no source `{key}`");
        }
        if it.number() < 100 {
            assert!(!it.sources.is_empty(), "{code}");
            assert!(!it.confirm.is_empty(), "{code}");
        }
    }
}

#[test]
fn scenarios_that_are_named_exist() {
    for it in all() {
        for name in &it.scenarios {
            let file = root().join("scenarios").join(format!("{name}.toml"));
            assert!(
                file.exists(),
                "{}: {} is not there",
                it.code,
                file.display()
            );
        }
    }
}

#[test]
fn codes_are_understood_as_people_write_them() {
    for text in ["DL014", "dl014", "DL14", "14", " 014 "] {
        assert_eq!(failure(text).unwrap().code, "DL014", "{text}");
    }
    for text in ["", "DL", "DL0014", "DLx", "DL999", "é14", "-14"] {
        assert!(failure(text).is_none(), "{text}");
    }
    let near: Vec<_> = near("DL999").iter().map(|it| it.code.as_str()).collect();
    assert!(near.len() <= 3 && !near.is_empty(), "{near:?}");
    assert!(super::near("nothing at all").is_empty());
}

#[test]
fn search_goes_by_words_and_by_codes() {
    let codes = |text| -> Vec<_> { search(text).iter().map(|it| it.code.as_str()).collect() };
    assert!(codes("vpn").contains(&"DL026"));
    assert_eq!(codes("vpn")[..2], ["DL026", "DL027"]);
    assert!(codes("0x80D03807").contains(&"DL026"));
    assert!(codes("03807").contains(&"DL026"));
    assert_eq!(codes("DL014"), ["DL014"]);
    assert!(codes("0x80D03FFF").is_empty());
    assert!(codes("").is_empty());
    assert!(codes("quaternion").is_empty());
}

/// Pages are what the data says. To make them again: `DOLAB_WRITE_DOCS=1 cargo test -p
/// dolab-catalogue`.
#[test]
fn the_pages_are_what_the_data_says() {
    let folder = root().join("docs/failures");
    let mut pages: Vec<_> = all()
        .iter()
        .map(|it| (format!("{}.md", it.code), page(it)))
        .collect();
    pages.push(("README.md".to_owned(), index()));
    if std::env::var_os("DOLAB_WRITE_DOCS").is_some() {
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in &pages {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    for (name, text) in &pages {
        let found = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(
            found.replace("\r\n", "\n") == *text,
            "docs/failures/{name} is not what the catalogue says: run DOLAB_WRITE_DOCS=1 cargo test \
             -p dolab-catalogue"
        );
    }
    let there = fs::read_dir(&folder).unwrap().count();
    assert_eq!(there, pages.len(), "a page too many in docs/failures");
}

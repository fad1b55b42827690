use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// One piece of 34 bytes, as small as the smallest file that was published.
const BYTES: &[u8; 34] = b"one piece of content, 34 bytes all";

fn small() -> PiecesHashFile {
    let layout = Layout::new(34, 1 << 20).unwrap();
    PiecesHashFile::from_hashes(layout, vec![PieceHasher::hash(BYTES)]).unwrap()
}

/// The hash file as a JSON value to spoil.
fn value(file: &PiecesHashFile) -> Value {
    serde_json::from_slice(&file.to_json()).unwrap()
}

fn with(field: &str, new: Value) -> Result<PiecesHashFile, HashFileError> {
    let mut json = value(&small());
    json[field] = new;
    PiecesHashFile::from_json(&serde_json::to_vec(&json).unwrap())
}

/// Both hashes were computed with other tools.
#[test]
fn the_json_form_is_the_observed_one() {
    let json = concat!(
        r#"{"MajorVersion":1,"MinorVersion":0,"#,
        r#""HashOfHashes":"kZ1PZiKZ1kaT1LS5gFXXO/NFncY22RXXmr3OTP0L5wM=","#,
        r#""ContentLength":34,"PieceSize":1048576,"#,
        r#""Pieces":["MhT13mV4zPwr6+J5H/ZsUsRBvlpBA/qzO3PyMHD/dUQ="]}"#,
    );
    assert_eq!(String::from_utf8(small().to_json()).unwrap(), json);
    assert_eq!(PiecesHashFile::from_json(json.as_bytes()).unwrap(), small());
    assert!(small().matches(0, BYTES));
    assert!(!small().matches(0, b"else") && !small().matches(1, BYTES));
}

#[test]
fn unknown_fields_and_minor_versions_are_passed_over() {
    assert_eq!(
        with("Comment", json!({ "by": ["someone"] })).unwrap(),
        small()
    );
    assert_eq!(with("MinorVersion", json!(7)).unwrap(), small());
}

#[test]
fn another_major_version_is_named_even_when_nothing_else_is_known_of_it() {
    for json in [
        r#"{"MajorVersion":2,"MinorVersion":1}"#,
        r#"{"MinorVersion":1,"MajorVersion":0}"#,
    ] {
        let error = PiecesHashFile::from_json(json.as_bytes()).unwrap_err();
        let version = matches!(
            error,
            HashFileError::Version {
                major: 0 | 2,
                minor: 1
            }
        );
        assert!(version, "{error}");
    }
}

#[test]
fn what_is_no_hash_file_has_delivery_optimization_s_code() {
    let spoiled = [
        with("MajorVersion", json!("1")),
        with("HashOfHashes", json!("AAAA")),
        with("HashOfHashes", Value::Null),
        with("ContentLength", json!(-1)),
        with("ContentLength", json!(0)),
        with("ContentLength", json!(u64::MAX)),
        with("ContentLength", json!((1 << 20) + 1)),
        with("PieceSize", json!(0)),
        with("PieceSize", json!(1_u64 << 40)),
        with("PieceSize", json!(1_048_576.0)),
        with("PieceSize", json!(33)),
        with("Pieces", json!([])),
        with(
            "Pieces",
            json!(["not base64, but 44 characters, as a hash has"]),
        ),
        with("Pieces", json!([STANDARD.encode([0; 31])])),
        with("Pieces", json!([STANDARD.encode([0; 33])])),
        with(
            "Pieces",
            json!([STANDARD.encode([0; 32]).trim_end_matches('=')]),
        ),
        PiecesHashFile::from_json(b""),
        PiecesHashFile::from_json(b"<!DOCTYPE html><html>please sign in</html>"),
        PiecesHashFile::from_json(b"[1,2]"),
        PiecesHashFile::from_json(&[small().to_json(), b"x".to_vec()].concat()),
        PiecesHashFile::from_json(&vec![b' '; PiecesHashFile::MAX_JSON_LEN + 1]),
    ];
    for (at, spoiled) in spoiled.into_iter().enumerate() {
        let error = spoiled.unwrap_err();
        assert_eq!(
            error.do_code(),
            DoCode::PIECES_HASH_FILE_INVALID,
            "{at}: {error}"
        );
    }
}

#[test]
fn a_hash_that_was_exchanged_is_noticed() {
    let error = with("Pieces", json!([STANDARD.encode([7; 32])])).unwrap_err();
    assert!(matches!(error, HashFileError::HashOfHashesComputed { .. }));
    assert_eq!(error.do_code(), DoCode::HASH_OF_HASHES_COMPUTED);
    assert_eq!(error.do_code().to_string(), "0x80D0681C");
}

#[test]
fn the_file_of_another_content_is_noticed_before_its_pieces_are() {
    let json = small().to_json();
    assert_eq!(
        PiecesHashFile::from_json_of(small().id(), &json).unwrap(),
        small()
    );
    let expected = ContentId([9; 32]);
    let error = PiecesHashFile::from_json_of(expected, &json).unwrap_err();
    let other =
        matches!(error, HashFileError::HashOfHashesStated { expected: it, .. } if it == expected);
    assert!(other, "{error}");
    assert_eq!(error.do_code().to_string(), "0x80D0681B");
}

#[test]
fn the_id_is_the_hash_of_the_raw_hashes() {
    let hashes = vec![[1; 32], [2; 32]];
    let file = PiecesHashFile::from_hashes(Layout::new(2, 1).unwrap(), hashes).unwrap();
    assert_eq!(file.id().0, PieceHasher::hash(&[[1; 32], [2; 32]].concat()));
    let error =
        PiecesHashFile::from_hashes(Layout::new(3, 1).unwrap(), vec![[1; 32]; 2]).unwrap_err();
    assert!(matches!(error, HashFileError::Pieces { pieces: 3, got: 2 }));
}

proptest! {
    #[test]
    fn what_was_written_is_read(hashes in prop::collection::vec(any::<[u8; 32]>(), 1..40), size in 1..5000_u32, cut: u32) {
        let length = hashes.len() as u64 * u64::from(size) - u64::from(cut % size);
        let file = PiecesHashFile::from_hashes(Layout::new(length, size).unwrap(), hashes).unwrap();
        prop_assert_eq!(PiecesHashFile::from_json_of(file.id(), &file.to_json()).unwrap(), file);
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(PiecesHashFile::from_json(&bytes).is_err());
    }

    #[test]
    fn one_changed_byte_gives_another_error_or_the_same_content(at in 0..200_usize, byte: u8) {
        let mut json = small().to_json();
        let at = at % json.len();
        json[at] = byte;
        if let Ok(file) = PiecesHashFile::from_json(&json) {
            // Only the minor version and white space may differ, and lengths that give one piece.
            prop_assert_eq!(file.id(), small().id());
        }
    }
}

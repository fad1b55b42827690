//! What has to be true of any bytes that `dolab-content` reads. The fuzz target calls this with
//! bytes that it makes up, the crate's own tests with the corpus.

use dolab_content::PiecesHashFile;

/// A hash file that was read is written so that the same is read again.
pub(crate) fn phf(data: &[u8]) {
    let Ok(file) = PiecesHashFile::from_json(data) else {
        return;
    };
    assert!(file.hash(file.layout().pieces() - 1).is_some());
    assert!(file.hash(file.layout().pieces()).is_none());
    let again = PiecesHashFile::from_json_of(file.id(), &file.to_json());
    assert_eq!(again.expect("it was read before"), file);
}

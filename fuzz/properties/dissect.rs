//! What has to be true of any bytes that `dolab-dissect` reads. The fuzz target calls this with bytes
//! that it makes up, the crate's own tests with the corpus.

use dolab_dissect::{Options, dissect};

/// Whatever a file holds, reading it ends, tells no more than the file has, and what it tells can be
/// printed.
pub(crate) fn captures(data: &[u8]) {
    let mut told = 0_usize;
    let mut tell = |event: dolab_dissect::Event| told += event.what.to_string().len().min(1);
    let Ok(report) = dissect(data, &Options::default(), &mut tell) else {
        return;
    };
    assert!(report.file.bytes <= data.len() as u64);
    assert!(report.file.packets * 8 <= data.len() as u64);
    assert!(!report.summary.is_empty());
    assert!(report.file.damages.len() as u64 <= report.file.damaged);
    for connection in &report.connections {
        for side in [&connection.caller_side, &connection.listener_side] {
            assert!(side.missing <= side.bytes, "{side:?}");
        }
    }
    for damage in &report.file.damages {
        assert!(damage.offset <= data.len() as u64 && !damage.to_string().is_empty());
    }
}

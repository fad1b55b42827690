//! A device's objects as PowerShell prints them, and what its sums leave out.

use dolab_device::report::{Efficiency, Record, format_list};
use jiff::tz::TimeZone;

use crate::escape::escape;

/// The objects as `Format-List` prints them, in this host's time zone.
pub fn list<R: Record>(records: &[R]) -> String {
    let text = format_list(records, &TimeZone::system());
    // Names and URLs are others' words.
    let lines: Vec<_> = text.lines().map(escape).collect();
    lines.join("\n") + "\n"
}

/// Microsoft's sum and the whole one, and why they differ where they do. `total` is all bytes, HTTP
/// among them.
pub fn efficiency(sums: &Efficiency, total: u64) -> String {
    let Efficiency {
        microsoft_bytes,
        microsoft_percent,
        all_bytes,
        all_percent,
        note,
    } = sums;
    let mut text = format!(
        "from peers, by Microsoft's sum : {microsoft_bytes} of {total} bytes, {microsoft_percent} %\n\
         from peers, of every class     : {all_bytes} of {total} bytes, {all_percent} %\n"
    );
    if let Some(note) = note {
        text.push_str(&format!("note: {note}\n"));
    }
    text
}

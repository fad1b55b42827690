//! What is wrong with devices.

use std::fmt::Write as _;

use comfy_table::Color;
use dolab_check::{
    report::Severity,
    site::{Diagnosis, SiteFinding, Verdict},
};

use super::{Style, failure::command, report::indented};
use crate::escape::escape;

/// The answer, and what it rests on.
pub fn diagnosis(style: Style, diagnosis: &Diagnosis) -> String {
    let (word, color) = match diagnosis.verdict {
        Verdict::Healthy => ("healthy", Color::Green),
        Verdict::Finding => ("finding", Color::Red),
        Verdict::Inconclusive => ("inconclusive", Color::Yellow),
    };
    let mut text = format!(
        "{}: {}\n",
        style.paint(color, word),
        escape(&diagnosis.summary)
    );
    if !diagnosis.findings.is_empty() {
        text.push('\n');
        text.push_str(&findings(style, &diagnosis.findings));
    }
    text.trim_end().to_owned()
}

/// Each finding with its evidence and what mends it.
pub fn findings(style: Style, findings: &[SiteFinding]) -> String {
    let texts: Vec<_> = findings.iter().map(|it| finding(style, it)).collect();
    texts.join("\n")
}

fn finding(style: Style, finding: &SiteFinding) -> String {
    let (word, color) = match finding.severity {
        Severity::Error => ("error", Color::Red),
        Severity::Warning => ("warning", Color::Yellow),
        Severity::Info => ("info", Color::Cyan),
    };
    let title = style.bold(&escape(&finding.title));
    let mut text = format!("{} {}: {title}\n", finding.code, style.paint(color, word));
    if let Some(cause) = &finding.consequence_of {
        let _ = writeln!(text, "  a consequence of {cause}: mend that first");
    }
    for evidence in &finding.evidence {
        let _ = writeln!(text, "  seen: {}", escape(evidence));
    }
    let _ = writeln!(text, "  fault: {}", finding.fault);
    if let Some(code) = &finding.do_error {
        let _ = writeln!(text, "  delivery optimization's code: {code}");
    }
    let _ = writeln!(text, "  what to do: {}", finding.mend);
    if let Some(fix) = finding.fixes.first() {
        let _ = writeln!(text, "  fix, {}:", fix.system.title());
        command(&mut text, &fix.run);
    }
    let _ = writeln!(text, "  more: dolab explain {}", finding.code);
    match finding.consequence_of {
        Some(_) => indented(&text),
        None => text,
    }
}

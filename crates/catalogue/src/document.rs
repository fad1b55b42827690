//! The pages of `docs/failures`, in Markdown.

use std::fmt::Write as _;

use crate::{Failure, Shown, all, source};

/// How to make the pages again.
const MADE: &str = "<!-- Generated from crates/catalogue/catalogue.toml: \
                    DOLAB_WRITE_DOCS=1 cargo test -p dolab-catalogue -->";

/// The page of one failure (`docs/failures/DL014.md`).
pub fn page(failure: &Failure) -> String {
    let mut page = format!("# {}: {}\n\n{MADE}\n\n", failure.code, failure.title);
    let _ = writeln!(
        page,
        "Severity: {}. Fault: {}. Confidence: {}. Shown: {}.\n",
        failure.severity.word(),
        failure.fault,
        failure.confidence.word(),
        failure.shown.title()
    );
    section(&mut page, "What you see", &failure.symptom);
    section(&mut page, "Why", &failure.cause);
    confirm(&mut page, failure);
    fixes(&mut page, failure);
    if !failure.do_codes.is_empty() {
        page.push_str("## Delivery Optimization's codes\n\n");
        for code in &failure.do_codes {
            let meaning = code.meaning().unwrap_or("not in the public header");
            let _ = writeln!(page, "- `{code}`: {meaning}");
        }
        page.push('\n');
    }
    section(
        &mut page,
        "What dolab's finding rests on",
        &failure.rests_on,
    );
    shown(&mut page, failure);
    if !failure.sources.is_empty() {
        page.push_str("## Sources\n\n");
        for key in &failure.sources {
            match source(key) {
                Some(source) if source.at.is_empty() => {
                    let _ = writeln!(page, "- {}", source.title);
                }
                Some(source) => {
                    let _ = writeln!(page, "- {} ({})", source.title, source.at);
                }
                None => {}
            }
        }
        page.push('\n');
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

/// The index (`docs/failures/README.md`).
pub fn index() -> String {
    let mut page = format!(
        "# Failures\n\n{MADE}\n\n\
         Why devices fetch from the internet what their neighbours have. Codes up to DL099 are rows \
         of the catalogue of known failures of Delivery Optimization; those from DL101 on are dolab's \
         own. A code never changes its meaning. `dolab explain DL014` prints a page, `dolab explain \
         firewall` or `dolab explain 0x80D03807` finds one, `dolab check` and `dolab diagnose` report \
         them as findings.\n\n\
         A finding names a host only where it was observed that this host is in the way. \"Error\" \
         means that devices can not share, \"warning\" that they can, but not all of it, \"info\" that \
         nothing is wrong. The severity below is the worst that a finding can have.\n\n"
    );
    let known = |failure: &&Failure| failure.number() < 100;
    let reproduced = all().iter().filter(known).filter(|it| it.is_reproduced());
    let _ = writeln!(
        page,
        "Of the {} rows up to DL099, {} are reproduced and {} explained only.\n",
        all().iter().filter(known).count(),
        reproduced.count(),
        all()
            .iter()
            .filter(known)
            .filter(|it| !it.is_reproduced())
            .count(),
    );
    page.push_str(
        "| code | what is wrong | severity | shown | scenarios |\n|---|---|---|---|---|\n",
    );
    for failure in all() {
        let scenarios: Vec<_> = failure
            .scenarios
            .iter()
            .map(|name| format!("[{name}](../../scenarios/{name}.toml)"))
            .collect();
        let _ = writeln!(
            page,
            "| [{0}]({0}.md) | {1} | {2} | {3} | {4} |",
            failure.code,
            failure.title,
            failure.severity.word(),
            failure.shown.title(),
            scenarios.join(", ")
        );
    }
    page
}

fn section(page: &mut String, title: &str, text: &str) {
    let _ = writeln!(page, "## {title}\n\n{}\n", text.trim());
}

fn confirm(page: &mut String, failure: &Failure) {
    if failure.confirm.is_empty() {
        return;
    }
    page.push_str("## How to be sure, on Windows\n\n");
    for step in &failure.confirm {
        let _ = writeln!(page, "{}\n", step.say);
        if !step.run.is_empty() {
            let _ = writeln!(page, "```powershell\n{}\n```\n", step.run.trim());
        }
    }
}

fn fixes(page: &mut String, failure: &Failure) {
    section(page, "What to do", &failure.mend);
    for fix in &failure.fix {
        let say = if fix.say.is_empty() {
            String::new()
        } else {
            format!(": {}", fix.say)
        };
        let _ = writeln!(
            page,
            "{}{say}\n\n```\n{}\n```\n",
            fix.system.title(),
            fix.run.trim()
        );
    }
}

fn shown(page: &mut String, failure: &Failure) {
    page.push_str("## In the lab\n\n");
    if failure.shown == Shown::Explained {
        let _ = writeln!(page, "Explained only: {}\n", failure.because);
        return;
    }
    let how = failure.shown.title();
    if failure.scenarios.is_empty() {
        let _ = writeln!(page, "{how}, by the tests of its rule.\n");
        return;
    }
    for name in &failure.scenarios {
        let _ = writeln!(page, "{how}: `dolab lab run {name}`\n");
    }
}

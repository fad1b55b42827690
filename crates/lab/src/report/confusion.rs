//! The confusion matrix: which failure was made, and which was reported.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::{Report, Run};

/// The matrix as a page of documentation (`docs/confusion.md`).
///
/// A line for each failure that was made: which findings were reported, and how often. A failure may
/// be reported as several findings where its scenario says so: what follows from it is one too.
pub fn confusion(report: &Report) -> String {
    let mut page = String::from(
        "# Which failure was made, and which was found\n\n\
         <!-- Generated from a run: dolab lab run --all --confusion docs/confusion.md -->\n\n\
         Each line is a failure of the catalogue that the lab made, in one or more scenarios, each of them \
         with its healthy twin: the same site and the same actions without what is wrong. \"Also \
         reported\" are findings that the scenario expects besides, for what follows from the \
         failure; \"wrongly reported\" are those that it does not, in either twin.\n\n",
    );
    let mut lines: BTreeMap<&str, Line<'_>> = BTreeMap::new();
    for run in &report.runs {
        let Some(code) = run.outcome.codes.first() else {
            continue;
        };
        lines.entry(code).or_default().add(run);
    }
    let all = lines.values();
    let sum = |count: fn(&Line<'_>) -> usize| all.clone().map(count).sum::<usize>();
    let (made, recognised) = (sum(|line| line.made), sum(|line| line.recognised));
    let (twins, silent) = (sum(|line| line.twins), sum(|line| line.silent));
    let _ = writeln!(
        page,
        "{made} failures were made, {recognised} were recognised. {twins} healthy twins ran, nothing \
         was found in {silent}.\n\n\
         | made | scenarios | recognised | also reported | wrongly reported | healthy twins | of them silent |\n\
         |---|---|---|---|---|---|---|"
    );
    for (code, line) in &lines {
        let _ = writeln!(
            page,
            "| {code} | {} | {} of {} | {} | {} | {} | {} |",
            list(&line.scenarios),
            line.recognised,
            line.made,
            counted(&line.also),
            counted(&line.wrongly),
            line.twins,
            line.silent
        );
    }
    page
}

/// What became of one kind of failure.
#[derive(Default)]
struct Line<'a> {
    scenarios: BTreeSet<&'a str>,
    made: usize,
    recognised: usize,
    also: BTreeMap<&'a str, usize>,
    wrongly: BTreeMap<&'a str, usize>,
    twins: usize,
    silent: usize,
}

impl<'a> Line<'a> {
    fn add(&mut self, run: &'a Run) {
        let outcome = &run.outcome;
        let found = outcome.found();
        let codes: BTreeSet<&str> = outcome.codes.iter().map(String::as_str).collect();
        self.scenarios.insert(&outcome.scenario);
        if outcome.twin == "healthy" {
            self.twins += 1;
            self.silent += usize::from(found.is_empty() && run.met);
            found.iter().for_each(|code| count(&mut self.wrongly, code));
            return;
        }
        self.made += 1;
        self.recognised += usize::from(codes.is_subset(&found));
        let unexpected: BTreeSet<&str> = outcome.unexpected().collect();
        for code in found.into_iter().filter(|code| !codes.contains(code)) {
            if unexpected.contains(code) {
                count(&mut self.wrongly, code);
            } else {
                count(&mut self.also, code);
            }
        }
    }
}

fn count<'a>(counts: &mut BTreeMap<&'a str, usize>, code: &'a str) {
    *counts.entry(code).or_default() += 1;
}

fn list(names: &BTreeSet<&str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(", ")
}

fn counted(counts: &BTreeMap<&str, usize>) -> String {
    let each = counts.iter().map(|(code, times)| match times {
        1 => (*code).to_owned(),
        times => format!("{code} ({times})"),
    });
    each.collect::<Vec<_>>().join(", ")
}

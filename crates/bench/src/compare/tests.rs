use super::*;
use crate::report::{
    Options, RunResult,
    tests::{BETA, done, full, host, options, receiving, report},
};

fn received(goodputs: [f64; 4]) -> Report {
    report(receiving(goodputs))
}

/// One report with another.
fn compare(before: &Report, after: &Report) -> Result<Comparison, Incomparable> {
    super::compare(std::slice::from_ref(before), std::slice::from_ref(after))
}

fn verdicts(comparison: &Comparison) -> Vec<Verdict> {
    comparison.rows.iter().map(|row| row.verdict).collect()
}

fn assert_fits_schema(comparison: &Comparison) {
    let schema = include_str!("../../../../docs/schema/bench-compare-1.json");
    let schema = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).expect("the schema itself is valid");
    let document = serde_json::to_value(comparison).unwrap();
    let errors: Vec<_> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, [""; 0], "{document:#}");
}

#[test]
fn each_layer_is_held_against_itself() {
    let before = received([40e9, 30e9, 20e9, 10e9]);
    let after = received([40e9, 33e9, 20.1e9, 8e9]);
    let comparison = compare(&before, &after).unwrap();
    use Verdict::{Faster, Same, Slower};
    assert_eq!(verdicts(&comparison), [Same, Faster, Same, Slower]);
    assert_eq!(comparison.verdict.exit_code(), 1);
    assert_eq!(
        comparison.summary,
        "the second differs beyond noise: stored receive is 20.0 % slower, exchange receive is \
         10.0 % faster"
    );
    let range = comparison.rows[1].range_percent.unwrap();
    assert!(range.low > 5.0 && range.low < 10.0, "{range:?}");
    assert!(range.high > 10.0 && range.high < 15.0, "{range:?}");
    assert_fits_schema(&comparison);
}

#[test]
fn a_report_does_not_differ_from_itself() {
    let comparison = compare(&full(), &full()).unwrap();
    assert_eq!(comparison.verdict, Verdict::Same);
    assert_eq!(comparison.verdict.exit_code(), 0);
    assert_eq!(comparison.not_compared, []);
    assert_eq!(
        comparison.summary,
        "the second does not differ from the first beyond noise"
    );
    assert_fits_schema(&comparison);
}

#[test]
fn faster_is_no_finding() {
    let comparison = compare(&received([10e9; 4]), &received([12e9; 4])).unwrap();
    assert_eq!(verdicts(&comparison), [Verdict::Faster; 4]);
    assert_eq!(comparison.verdict.exit_code(), 0);
}

#[test]
fn a_steady_difference_of_less_than_a_percent_is_noise() {
    let comparison = compare(&received([10e9; 4]), &received([10.05e9; 4])).unwrap();
    assert_eq!(comparison.verdict, Verdict::Same);
}

#[test]
fn the_order_of_runs_does_not_matter() {
    let before = received([40e9, 30e9, 20e9, 10e9]);
    let mut after = received([44e9, 33e9, 22e9, 11e9]);
    let straight = compare(&before, &after);
    after.runs.reverse();
    assert_eq!(compare(&before, &after), straight);
}

#[test]
fn several_remotes_are_compared_by_their_sum() {
    let gamma = "10.0.0.3:7680";
    let two = |goodput| {
        let remotes = vec![host("beta", Some(BETA)), host("gamma", Some(gamma))];
        let runs = [BETA, gamma]
            .map(|remote| done(Direction::Send, Layer::Raw, remote, goodput))
            .to_vec();
        Report::new(options(), host("alpha", None), remotes, 0, runs)
    };
    let comparison = compare(&two(5e9), &two(6e9)).unwrap();
    let row = &comparison.rows[0];
    assert!((row.before_bits_per_second / 1e10 - 1.0).abs() < 0.01);
    assert_eq!(row.verdict, Verdict::Faster);
    // One of the two failed the second time.
    let mut broken = two(5e9);
    broken.runs[1].result = RunResult::Failed {
        error: "reset".to_owned(),
        do_error: None,
    };
    let refused = compare(&two(5e9), &broken).unwrap_err();
    assert_eq!(refused, Incomparable::NothingInCommon);
}

#[test]
fn what_only_one_measured_is_named() {
    let comparison = compare(&full(), &received([37e9, 33e9, 16e9, 12e9])).unwrap();
    assert_eq!(
        comparison.not_compared,
        [NotCompared {
            direction: Direction::Send,
            layer: Layer::Raw,
            why: "the second did not measure it".to_owned(),
        }]
    );
    assert_fits_schema(&comparison);
}

#[test]
fn other_settings_are_refused_and_named() {
    let before = full();
    let mut after = full();
    after.options = Options {
        streams: 4,
        congestion_control: Some("bbr".to_owned()),
        ..after.options
    };
    let refused = compare(&before, &after).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "not made in the same way: congestion_control is null in one report and \"bbr\" in another, \
         streams is 1 in one report and 4 in another; run again with the settings of the other"
    );
}

#[test]
fn too_few_intervals_are_refused() {
    let mut after = full();
    let RunResult::Done { figures } = &mut after.runs[1].result else {
        panic!("it is done");
    };
    figures.intervals.truncate(5);
    let refused = compare(&full(), &after).unwrap_err();
    let expected = Incomparable::TooFewIntervals {
        side: Side::After,
        direction: Direction::Receive,
        layer: Layer::Exchange,
        found: 4,
    };
    assert_eq!(refused, expected);
    assert!(
        refused
            .to_string()
            .starts_with("the second has 4 intervals of exchange receive")
    );
}

#[test]
fn five_intervals_of_many_rows_do_not_pretend() {
    let cut = |mut report: Report| {
        for run in &mut report.runs {
            if let RunResult::Done { figures } = &mut run.result {
                figures.intervals.truncate(6);
            }
        }
        report
    };
    let runs = |goodput: f64| {
        let sent = Layer::ALL.map(|layer| done(Direction::Send, layer, BETA, goodput));
        let mut runs = receiving([goodput; 4]);
        runs.extend(sent);
        cut(report(runs))
    };
    let comparison = compare(&runs(10e9), &runs(20e9)).unwrap();
    assert_eq!(verdicts(&comparison), [Verdict::Unclear; 8]);
    assert_eq!(comparison.verdict.exit_code(), 4);
    assert_fits_schema(&comparison);
}

#[test]
fn a_file_may_hold_events_too() {
    let report = full();
    let line = serde_json::to_string(&report).unwrap();
    let event = r#"{"schema":"dolab.event/1","event":"bench-run-started"}"#;
    let streamed = format!("{event}\n{line}\n");
    let pretty = serde_json::to_string_pretty(&report).unwrap();
    for text in [streamed, pretty] {
        assert!(read(&text).unwrap() == [report.clone()]);
    }
    let cut_off = read(event).unwrap_err();
    assert!(cut_off.to_string().contains("cut off"), "{cut_off}");
}

#[test]
fn other_documents_are_refused_by_name() {
    let other = read(r#"{"schema":"dolab.bench/2"}"#).unwrap_err();
    let found = "dolab.bench/2".to_owned();
    assert_eq!(other, Incomparable::OtherSchema { found });
    for wrong in ["", "[]", "{}", "no", r#"{"schema":"dolab.bench/1"}"#] {
        let refused = read(wrong).unwrap_err();
        assert!(matches!(refused, Incomparable::NoReport { .. }), "{wrong}");
    }
}

#[test]
fn several_reports_are_compared_by_their_goodput() {
    // Each run is steady, and differs from the next by a tenth: the intervals would call any two
    // of them different.
    let runs = |level: f64| {
        [1.0, 1.1, 0.9, 1.05, 0.95]
            .map(|luck: f64| received([level * luck; 4]))
            .to_vec()
    };
    let first = runs(10e9);
    assert_eq!(
        compare(&first[1], &first[2]).unwrap().verdict,
        Verdict::Slower
    );
    let text: String = first
        .iter()
        .map(|report| serde_json::to_string(report).unwrap() + "\n")
        .collect();
    assert!(read(&text).unwrap() == first);
    let same = super::compare(&first, &runs(10.2e9)).unwrap();
    assert_eq!(same.values, Values::Reports);
    // Five values carry one row and not four.
    assert_eq!(same.verdict, Verdict::Unclear);
    let one_layer = |level| {
        let mut reports = runs(level);
        for report in &mut reports {
            report.runs.truncate(1);
        }
        reports
    };
    let verdict = |level| {
        let compared = super::compare(&one_layer(10e9), &one_layer(level)).unwrap();
        assert_fits_schema(&compared);
        compared.verdict
    };
    assert_eq!(verdict(10.2e9), Verdict::Same);
    assert_eq!(verdict(15e9), Verdict::Faster);
}

#[test]
fn an_odd_number_of_reports_is_refused() {
    let one = full();
    let two = [one.clone(), one.clone()];
    let refused = super::compare(std::slice::from_ref(&one), &two).unwrap_err();
    let expected = Incomparable::OddNumber {
        before: 1,
        after: 2,
    };
    assert_eq!(refused, expected);
}

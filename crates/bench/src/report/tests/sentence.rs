use super::*;

fn summary(runs: Vec<Run>) -> String {
    report(runs).summary
}

/// Percent of the layer below, and whether that is beyond noise.
type Told = Option<(i64, Option<bool>)>;

/// Each layer beside the one below it.
fn costs(report: &Report) -> Vec<(Layer, Told)> {
    let cost = |step: &Step| {
        let cost = step.cost.as_ref()?;
        Some((cost.percent.round() as i64, cost.beyond_noise))
    };
    report
        .steps
        .iter()
        .map(|step| (step.layer, cost(step)))
        .collect()
}

#[test]
fn each_layer_costs_what_it_takes_from_the_one_below() {
    let report = report(receiving([40e9, 38e9, 19e9, 19e9]));
    let expected = [
        (Layer::Raw, None),
        (Layer::Exchange, Some((5, Some(true)))),
        (Layer::Verified, Some((50, Some(true)))),
        (Layer::Stored, Some((0, Some(false)))),
    ];
    assert_eq!(costs(&report), expected);
}

#[test]
fn the_sentence_names_the_layer_that_adds_most() {
    assert_eq!(
        summary(receiving([40e9, 38e9, 16e9, 15e9])),
        "hashing costs most when receiving: it adds 0.31 s to each GiB, and goodput falls from \
         38.0 Gbit/s to 16.0 Gbit/s"
    );
    assert_eq!(
        summary(receiving([40e9, 38e9, 37e9, 2e9])),
        "storing costs most when receiving: it adds 4.06 s to each GiB, and goodput falls from \
         37.0 Gbit/s to 2.00 Gbit/s"
    );
    assert_eq!(
        summary(receiving([0.94e9, 0.938e9, 0.937e9, 0.936e9])),
        "the wire sets the pace when receiving: 9.14 s of the 9.18 s that a GiB takes; raw carries \
         940 Mbit/s, stored 936 Mbit/s"
    );
}

#[test]
fn of_two_directions_the_slower_is_named() {
    let mut runs = receiving([40e9, 38e9, 16e9, 15e9]);
    let sent = Layer::ALL.into_iter().zip([40e9, 5e9, 5e9, 5e9]);
    runs.extend(sent.map(|(layer, goodput)| done(Direction::Send, layer, BETA, goodput)));
    let text = summary(runs);
    assert!(
        text.starts_with("the protocol costs most when sending"),
        "{text}"
    );
}

#[test]
fn a_limit_that_was_set_is_no_fault_of_the_wire() {
    let options = Options {
        rate_limit_bits_per_second: Some(100e6),
        ..options()
    };
    let remotes = vec![host("beta", Some(BETA))];
    let runs = receiving([99e6, 99e6, 98e6, 98e6]);
    let report = Report::new(options, host("alpha", None), remotes, 0, runs);
    assert!(
        report
            .summary
            .starts_with("the rate limit of 100 Mbit/s sets the pace when receiving"),
        "{}",
        report.summary
    );
    assert!(report.advice[0].contains("--rate-limit"));
}

#[test]
fn one_layer_alone_has_nothing_to_be_held_against() {
    let runs = vec![done(Direction::Send, Layer::Raw, BETA, 9.4e9)];
    assert_eq!(
        summary(runs),
        "the wire carries 9.40 Gbit/s (1.18 GB/s) when sending; more layers would show what each \
         costs"
    );
}

#[test]
fn failures_are_told_and_nothing_is_made_up() {
    let full = full();
    assert_eq!(full.outcome, Outcome::Partial);
    assert!(
        full.summary.ends_with("; 1 of 7 runs failed"),
        "{}",
        full.summary
    );
    let broken = report(full.runs[5..].to_vec());
    assert_eq!(broken.outcome, Outcome::Failed);
    assert_eq!(
        broken.summary,
        "nothing was measured: the connection was reset"
    );
    assert_eq!(broken.advice, [""; 0]);
    let skipped = report(full.runs[6..].to_vec());
    assert_eq!(skipped.summary, "nothing was measured: beta offers no disk");
    assert_eq!(
        [Outcome::Done, Outcome::Partial, Outcome::Failed].map(Outcome::exit_code),
        [0, 1, 4]
    );
}

#[test]
fn several_remotes_are_added_up() {
    let gamma = "10.0.0.3:7680";
    let mut runs = receiving([10e9, 8e9, 6e9, 4e9]);
    for layer in [Layer::Raw, Layer::Exchange] {
        runs.push(done(Direction::Receive, layer, gamma, 10e9));
    }
    let report = report(runs);
    let sums: Vec<_> = report
        .steps
        .iter()
        .map(|step| (step.bits_per_second / 1e9).round())
        .collect();
    assert_eq!(sums, [20.0, 18.0, 6.0, 4.0]);
    // Verified lacks one of the two: no cost can be told.
    assert!(report.steps[1].cost.is_some());
    assert_eq!(report.steps[2].cost, None);
    assert!(report.steps[3].cost.is_some());
}

#[test]
fn what_is_left_of_an_interval_does_not_count() {
    let mut runs = receiving([10e9, 8e9, 6e9, 4e9]);
    for run in &mut runs {
        let RunResult::Done { figures } = &mut run.result else {
            continue;
        };
        figures.intervals.push(Interval::new(4500.0, 3.0, 1));
    }
    let lane = Lane::of(&runs, Direction::Receive, Layer::Raw).unwrap();
    assert_eq!(lane.goodputs.len(), 8);
}

/// The advice when `change` was made to the layer that costs most.
fn advice_when(goodputs: [f64; 4], change: impl Fn(&mut Report)) -> String {
    let mut changed = report(receiving(goodputs));
    change(&mut changed);
    let again = Report::new(
        changed.options,
        changed.local,
        changed.remotes,
        0,
        changed.runs,
    );
    again.advice.join("\n")
}

fn each(report: &mut Report, change: impl Fn(&mut Figures)) {
    for run in &mut report.runs {
        if let RunResult::Done { figures } = &mut run.result {
            change(figures);
        }
    }
}

#[test]
fn advice_rests_on_what_was_seen() {
    const WIRE: [f64; 4] = [0.5e9, 0.5e9, 0.5e9, 0.5e9];
    const HASH: [f64; 4] = [40e9, 38e9, 8e9, 8e9];
    const DISK: [f64; 4] = [40e9, 38e9, 37e9, 2e9];
    let nothing = |_: &mut Report| {};
    assert!(advice_when(WIRE, nothing).contains("--streams 4"));
    assert!(advice_when(DISK, nothing).contains("--sink null"));
    assert!(advice_when([40e9, 4e9, 4e9, 4e9], nothing).contains("--depth 32"));

    let full = advice_when([0.94e9; 4], nothing);
    assert!(full.contains("a link of 1.00 Gbit/s"), "{full}");
    assert!(!full.contains("--streams"), "{full}");

    let lossy = advice_when(WIRE, |report| {
        each(report, |figures| figures.retransmits = Some(5000));
    });
    assert!(lossy.contains("sent again"), "{lossy}");
    let bbr = advice_when(WIRE, |report| {
        each(report, |figures| {
            figures.congestion_control = Some("bbr".to_owned());
        });
    });
    assert!(bbr.contains("--congestion-control cubic"), "{bbr}");
    let busy = advice_when([8e9; 4], |report| {
        each(report, |figures| {
            figures.cpu_seconds_per_gib.remote = Some(1.0);
        });
    });
    assert!(busy.contains("of beta busy"), "{busy}");
    let bloated = advice_when(WIRE, |report| {
        each(report, |figures| {
            figures.round_trip = RoundTrip::new(Spread::of(&[1.0]), Spread::of(&[121.0]));
        });
    });
    assert!(bloated.contains("adds 0.12 s"), "{bloated}");

    let soft = advice_when(HASH, |report| report.local.sha_instructions = Some(false));
    assert!(soft.starts_with("alpha computes SHA-256 without"), "{soft}");
    let single = advice_when(HASH, |report| report.local.cores = Some(1));
    assert!(single.starts_with("give alpha a second core"), "{single}");
}

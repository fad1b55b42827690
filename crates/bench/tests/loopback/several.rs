//! Several hosts at once, several clients at once, and clients that go.

use std::path::{Path, PathBuf};

use dolab_bench::{
    Plan,
    report::{Direction, Event, Layer, Outcome, RunResult},
};
use tokio::{sync::mpsc, task::JoinSet};

use crate::common::{DEADLINE, SIZE, Served, figures, plan, run, target};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_hosts_take_part_at_once() {
    let served = [
        Served::start().await,
        Served::start().await,
        Served::start().await,
    ];
    let targets: Vec<_> = served.iter().map(Served::target).collect();
    for direction in [Direction::Receive, Direction::Send] {
        let mut plan = plan();
        plan.options.directions = vec![direction];
        plan.options.streams = 2;
        let (report, _) = run(&targets, &plan).await;
        let figures = figures(&report);
        assert_eq!(report.outcome, Outcome::Done);
        assert_eq!(report.remotes.len(), 3);
        assert_eq!(figures.len(), 12);
        assert!(figures.iter().all(|(_, figures)| figures.bytes == SIZE));
    }
    for served in served {
        served.until_free().await;
        served.station.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_not_there_takes_nothing_from_the_others() {
    let served = Served::start().await;
    // Bound and closed again: nobody listens there.
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (report, _) = run(&[target(gone), served.target()], &plan()).await;
    assert_eq!(report.outcome, Outcome::Partial);
    for run in &report.runs {
        match &run.result {
            RunResult::Done { figures } => assert_eq!(figures.bytes, SIZE),
            RunResult::Failed { error, .. } => {
                assert!(error.contains(&gone.to_string()), "{error}")
            }
            other => panic!("{other:?}"),
        }
    }
    let failed = report
        .runs
        .iter()
        .filter(|run| run.id.remote == gone.to_string());
    assert_eq!(failed.count(), 4);
    served.station.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_clients_at_once_each_get_all_of_it() {
    let served = Served::start().await;
    let mut clients = JoinSet::new();
    for n in 0..8 {
        let target = served.target();
        clients.spawn(async move {
            let mut plan = plan();
            let directions = [Direction::Receive, Direction::Send];
            plan.options.directions = vec![directions[n % 2]];
            plan.options.layers = vec![Layer::Raw, Layer::Verified];
            run(&[target], &plan).await.0
        });
    }
    while let Some(report) = clients.join_next().await {
        let report = report.unwrap();
        assert!(
            figures(&report)
                .iter()
                .all(|(_, figures)| figures.bytes == SIZE)
        );
    }
    served.until_free().await;
    served.station.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_vanishes_leaves_nothing_behind() {
    let served = Served::start().await;
    let folder = tempfile::tempdir().unwrap();
    let plan = || Plan {
        store: folder.path().to_owned(),
        ..plan()
    };
    for layer in Layer::ALL {
        for direction in [Direction::Receive, Direction::Send] {
            let mut plan = plan();
            plan.options.layers = vec![layer];
            plan.options.directions = vec![direction];
            // Longer than any test waits.
            plan.options.size_bytes = None;
            plan.options.duration_ms = Some(200_000);
            plan.options.rate_limit_bits_per_second = Some(200e6);
            let (events, mut told) = mpsc::unbounded_channel();
            let targets = [served.target()];
            let running = dolab_bench::run(&targets, &plan, events);
            let moving = async {
                while let Some(event) = told.recv().await {
                    if matches!(&event, Event::Interval { interval, .. } if interval.bytes > 0) {
                        return;
                    }
                }
            };
            tokio::select! {
                report = running => panic!("{layer:?}: {report:?}"),
                moves = tokio::time::timeout(DEADLINE, moving) => {
                    moves.unwrap_or_else(|_| panic!("{layer:?}: nothing moves"));
                }
            }
            // The client is gone by now, in the middle of it.
            served.until_free().await;
        }
    }
    #[cfg(target_os = "linux")]
    until_empty(folder.path());
    let (report, _) = run(&[served.target()], &plan()).await;
    assert_eq!(report.outcome, Outcome::Done);
    let left = entries(folder.path());
    assert!(left.is_empty(), "{left:?}");
    served.station.stop().await;
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Waits until the folder is empty: a thread may still be at what a client stored when the client
/// is gone.
#[cfg(target_os = "linux")]
fn until_empty(folder: &Path) {
    use rustix::{
        event::{PollFd, PollFlags, Timespec, poll},
        fs::inotify::{self, CreateFlags, WatchFlags},
    };

    let changes = inotify::init(CreateFlags::CLOEXEC).unwrap();
    inotify::add_watch(&changes, folder, WatchFlags::DELETE).unwrap();
    loop {
        let left = entries(folder);
        if left.is_empty() {
            return;
        }
        let patience = Timespec {
            tv_sec: DEADLINE.as_secs() as i64,
            tv_nsec: 0,
        };
        let mut changed = [PollFd::new(&changes, PollFlags::IN)];
        assert_eq!(poll(&mut changed, Some(&patience)), Ok(1), "{left:?}");
        rustix::io::read(&changes, &mut [0; 4096]).unwrap();
    }
}

//! Kills a process at random moments while it writes a download, and resumes until it is done.
//! The process is this test binary itself.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not take for tests"
)]

use std::{
    collections::BTreeSet,
    env, fs,
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use dolab_content::{
    Existing, Layout, PiecesHashFile, Sink, Source, Store, Synthetic, hash_source,
};

const FOLDER: &str = "DOLAB_TEST_CRASH_FOLDER";
const SEED: &str = "DOLAB_TEST_CRASH_SEED";
const LENGTH: u64 = 3_999_999;
const PIECE: u32 = 20_000;

fn content() -> (Synthetic, Arc<PiecesHashFile>) {
    let content = Synthetic::new(4, LENGTH);
    let layout = Layout::new(LENGTH, PIECE).unwrap();
    (
        content,
        Arc::new(hash_source(&content, layout, 1, &|_| {}).unwrap()),
    )
}

fn open(folder: &Path, hashes: &Arc<PiecesHashFile>) -> Store {
    Store::open(folder.join("file"), Arc::clone(hashes), Existing::Keep).unwrap()
}

/// A number below `below` that depends on nothing but the other two.
fn number(seed: u64, index: u64, below: u64) -> u64 {
    let mut word = [0; 8];
    Synthetic::new(seed, u64::MAX)
        .read_at(index * 8, &mut word)
        .unwrap();
    u64::from_le_bytes(word) % below
}

/// Not past the harness, which would keep it until the end.
fn say(line: &str) {
    io::stdout()
        .write_all(format!("\n{line}\n").as_bytes())
        .unwrap();
}

#[test]
fn a_process_that_downloads() {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let seed: u64 = env::var(SEED).unwrap().parse().unwrap();
    let (content, hashes) = content();
    let layout = hashes.layout();
    let store = open(folder.as_ref(), &hashes);
    let there = store.pieces();
    let mut missing: Vec<u32> = (0..layout.pieces())
        .filter(|&piece| !there.contains(piece))
        .collect();
    missing.sort_by_key(|&piece| number(seed, piece.into(), u64::MAX));
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(&piece) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut bytes = vec![0; layout.piece_len(piece).unwrap() as usize];
            content.read_at(layout.offset(piece), &mut bytes).unwrap();
            store.write_piece(piece, &bytes).unwrap();
            say(&format!("kept {piece}"));
            if number(seed, u64::from(piece) + 1000, 20) == 0 {
                store.sync().unwrap();
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    say("finishing");
    store.finish().unwrap();
}

fn spawn(folder: &Path, seed: u64) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_process_that_downloads", "--nocapture"])
        .env(FOLDER, folder)
        .env(SEED, seed.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets the process go on until it has said `lines` lines and kills it. Returns what it kept, and
/// whether it was killed before it was done.
fn run_and_kill(folder: &Path, seed: u64, lines: u64) -> (Vec<u32>, bool) {
    let mut process = spawn(folder, seed);
    let mut kept = Vec::new();
    let mut said = 0;
    for line in BufReader::new(process.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(piece) = line.strip_prefix("kept ") {
            kept.push(piece.parse().unwrap());
        } else if line != "finishing" {
            continue;
        }
        said += 1;
        if said == lines {
            process.kill().unwrap();
        }
    }
    let ended = process.wait().unwrap();
    assert!(
        ended.success() || said >= lines,
        "it failed by itself: {ended}"
    );
    (kept, !ended.success())
}

#[test]
fn whatever_the_moment_of_a_kill_nothing_is_lost_and_nothing_bad_is_claimed() {
    let (content, hashes) = content();
    let mut whole = vec![0; LENGTH as usize];
    content.read_at(0, &mut whole).unwrap();
    // A process may be done before it is killed: only kills count.
    let (mut seed, mut killed) = (0, 0);
    while killed < 40 {
        assert!(seed < 1000, "hardly any process could be killed in time");
        seed += 1;
        let folder = tempfile::tempdir().unwrap();
        let mut kept = BTreeSet::new();
        let mut runs = 0;
        while !folder.path().join("file").exists() {
            runs += 1;
            let lines = 1 + number(seed, runs, 60);
            let (new, early) = run_and_kill(folder.path(), 100 * seed + runs, lines);
            kept.extend(new);
            killed += u32::from(early);
            // Every other time the next process has to find its way alone.
            if runs % 2 == 0 && !folder.path().join("file").exists() {
                let store = open(folder.path(), &hashes);
                let there = store.pieces();
                let lost: Vec<_> = kept
                    .iter()
                    .filter(|&&piece| !there.contains(piece))
                    .collect();
                assert!(
                    lost.is_empty(),
                    "seed {seed}, run {runs}: {lost:?} were kept"
                );
                let bad = store.verify(2, &|_| {}).unwrap();
                assert!(bad.is_empty(), "seed {seed}, run {runs}: {bad:?} are bad");
            }
        }
        assert!(
            fs::read(folder.path().join("file")).unwrap() == whole,
            "seed {seed}"
        );
    }
}

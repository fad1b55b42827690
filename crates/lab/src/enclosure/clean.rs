//! What is left of enclosures whose outer process has ended. There should never be anything.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::{
    mount::{UnmountFlags, unmount},
    process::{Pid, Signal, kill_process},
};

use super::{MARK, folder};

/// Something that should have gone with the process that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// The first process of an enclosure, and with it all processes, interfaces, mounts and
    /// namespaces of that enclosure.
    Enclosure {
        /// Its number.
        pid: i32,
    },
    /// The folder of a run that was killed.
    Folder {
        /// Where.
        at: PathBuf,
    },
    /// A mount of ours that is seen from here.
    Mount {
        /// Where.
        at: String,
    },
}

/// What was found, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Found and removed.
    pub removed: Vec<Leftover>,
    /// Found, and not removed: another user's, or in use.
    pub kept: Vec<Leftover>,
    /// Enclosures that are in use.
    pub in_use: usize,
}

/// Looks for what is left of enclosures, and removes it; of folders those in the folder for temporary
/// files. Enclosures and folders in use are let alone.
///
/// Interfaces and namespaces of the lab exist only inside of an enclosure, and have no names
/// outside: who holds them is what is looked for.
pub fn clean(temporary: &Path) -> Leftovers {
    let mut found = Leftovers::default();
    for pid in processes() {
        let Some(outer) = outer_of(pid) else { continue };
        if parent_of(pid) == Some(outer) {
            found.in_use += 1;
            continue;
        }
        let killed = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
        let left = Leftover::Enclosure { pid };
        match killed {
            Some(Ok(())) => found.removed.push(left),
            Some(Err(_)) | None => found.kept.push(left),
        }
    }
    for (at, _lock) in folder::left(temporary) {
        let gone = fs::remove_dir_all(&at).is_ok();
        let left = Leftover::Folder { at };
        if gone {
            found.removed.push(left);
        } else {
            found.kept.push(left);
        }
    }
    for at in mounts() {
        let gone = unmount(at.as_str(), UnmountFlags::DETACH).is_ok();
        let left = Leftover::Mount { at };
        if gone {
            found.removed.push(left);
        } else {
            found.kept.push(left);
        }
    }
    found
}

fn processes() -> impl Iterator<Item = i32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The number of the process that made an enclosure, where `pid` is the first process of one.
fn outer_of(pid: i32) -> Option<i32> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mark = environment.split(|byte| *byte == 0).find_map(|entry| {
        let entry = std::str::from_utf8(entry).ok()?;
        entry.strip_prefix(MARK)?.strip_prefix("=init:")
    })?;
    mark.split(':').nth(1)?.parse().ok()
}

fn parent_of(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    line.trim().parse().ok()
}

/// Mounts of ours: their source says so.
fn mounts() -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let ours = |line: &str| {
        let (head, tail) = line.split_once(" - ")?;
        let source = tail.split(' ').nth(1)?;
        (source == super::SOURCE).then(|| head.split(' ').nth(4).map(str::to_owned))?
    };
    // The last is on top.
    table.lines().rev().filter_map(ours).collect()
}

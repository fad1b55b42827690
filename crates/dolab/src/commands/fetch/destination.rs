//! Where a download goes.

use std::path::{Path, PathBuf};

use dolab_content::{ContentId, StoreError, safe_name};

use crate::{exit::Exit, failure::Failure, units::Size};

/// What can be said about the place before anybody was asked for the content.
pub(super) fn look_at(output: &Path, force: bool) -> Result<(), Failure> {
    if output.is_dir() {
        return Ok(());
    }
    let names_folder = output.to_string_lossy().ends_with(std::path::is_separator);
    let folder = if names_folder {
        Some(output)
    } else {
        output.parent()
    };
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    if let Some(missing) = folder.filter(|folder| !folder.is_dir()) {
        let why = format!("--output: there is no folder {}", missing.display());
        return Err(Failure::wrong_use(why).hint("make it first, or name another place"));
    }
    if !force && output.symlink_metadata().is_ok() {
        let path = output.to_owned();
        return Err(cannot_keep(&StoreError::Exists { path }, 0));
    }
    Ok(())
}

/// The file to write: `output` itself, or in that folder the name that a peer stated. A content
/// without a name is called by its id.
pub(super) fn choose(
    output: &Path,
    name: Option<&str>,
    content: ContentId,
) -> Result<PathBuf, Failure> {
    if !output.is_dir() {
        return Ok(output.to_owned());
    }
    match name {
        Some(name) => match safe_name(name) {
            Ok(name) => Ok(output.join(name)),
            Err(error) => Err(Failure::new(Exit::Finding, error)),
        },
        None => Ok(output.join(content.to_string())),
    }
}

/// What keeps this host from writing, for the user.
pub(super) fn cannot_keep(error: &StoreError, length: u64) -> Failure {
    let failure = |exit| Failure::new(exit, error);
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all others are met in one way"
    )]
    match error {
        StoreError::Exists { .. } => {
            failure(Exit::WrongUse).hint("--force overwrites it, --output chooses another place")
        }
        StoreError::OtherContent { .. } | StoreError::NotOurs { .. } => {
            failure(Exit::WrongUse).hint("--output chooses another place")
        }
        StoreError::Locked { .. } => {
            failure(Exit::CannotRun).hint("--output chooses another place")
        }
        StoreError::DiskFull { .. } | StoreError::TooLarge { .. } => {
            failure(Exit::CannotRun).hint(format_args!(
                "the whole content has {}; the same command goes on with what is there",
                Size(length)
            ))
        }
        StoreError::ReadOnly { .. } => {
            failure(Exit::CannotRun).hint("--output chooses another place")
        }
        _ => failure(Exit::CannotRun).hint("--output chooses another place"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_takes_the_peers_name_and_a_file_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let id = ContentId([7; 32]);
        let choose = |output: &Path, name| choose(output, name, id).map_err(|e| e.exit);
        assert_eq!(
            choose(folder.path(), Some("a.cab")),
            Ok(folder.path().join("a.cab"))
        );
        assert_eq!(
            choose(folder.path(), None),
            Ok(folder.path().join(id.to_string()))
        );
        let file = folder.path().join("b.cab");
        assert_eq!(choose(&file, Some("a.cab")), Ok(file.clone()));
        for hostile in ["../a", "/etc/passwd", "a\\b", "", "..", "CON", "a\u{1b}"] {
            assert_eq!(
                choose(folder.path(), Some(hostile)),
                Err(Exit::Finding),
                "{hostile}"
            );
        }
    }

    #[test]
    fn a_place_that_can_not_take_the_file_is_told_before_anybody_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("there");
        std::fs::write(&there, b"x").unwrap();
        let look = |path: &Path, force| look_at(path, force).map_err(|e| e.exit);
        assert_eq!(look(folder.path(), false), Ok(()));
        assert_eq!(look(&folder.path().join("new"), false), Ok(()));
        assert_eq!(look(Path::new("new"), false), Ok(()));
        assert_eq!(look(&there, true), Ok(()));
        assert_eq!(look(&there, false), Err(Exit::WrongUse));
        assert_eq!(
            look(&folder.path().join("none/new"), true),
            Err(Exit::WrongUse)
        );
        let missing = format!("{}/", folder.path().join("none").display());
        assert_eq!(look(Path::new(&missing), false), Err(Exit::WrongUse));
    }
}

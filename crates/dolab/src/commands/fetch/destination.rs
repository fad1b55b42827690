//! Where a download goes.

use std::path::{Path, PathBuf};

use dolab_content::{ContentId, StoreError, safe_name};

use crate::{exit::Exit, failure::Failure, units::Size};

/// The file to write: `output` itself, or in that folder the name that a peer stated. A content
/// without a name is called by its id.
pub(super) fn choose(
    output: &Path,
    name: Option<&str>,
    content: ContentId,
) -> Result<PathBuf, Failure> {
    if !output.is_dir() {
        let text = output.to_string_lossy();
        if text.ends_with(std::path::is_separator) {
            return Err(
                Failure::wrong_use(format!("{text}: there is no such folder"))
                    .hint("make it first, or name a file"),
            );
        }
        return Ok(output.to_owned());
    }
    let name = match name {
        Some(name) => safe_name(name).map_err(|error| Failure::new(Exit::Finding, error))?,
        None => return Ok(output.join(content.to_string())),
    };
    Ok(output.join(name))
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
        _ => failure(Exit::CannotRun).hint("the same command goes on with what is there"),
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
        let missing = format!("{}/", folder.path().join("none").display());
        assert_eq!(choose(Path::new(&missing), None), Err(Exit::WrongUse));
    }
}

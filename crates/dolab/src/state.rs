//! The folder in which a device keeps its state.

use std::{
    env,
    path::{Path, PathBuf},
};

use dolab_device::{StateError, View};

use crate::{args::StateArgs, exit::Exit, failure::Failure};

/// The folder that the user named, or else the system's own place for such things.
pub(crate) fn folder(args: &StateArgs) -> Result<PathBuf, Failure> {
    if let Some(folder) = &args.state {
        return Ok(folder.clone());
    }
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    let found = if cfg!(windows) {
        set("LOCALAPPDATA").map(PathBuf::from)
    } else {
        let home = || set("HOME").map(|home| Path::new(&home).join(".local/state"));
        set("XDG_STATE_HOME").map(PathBuf::from).or_else(home)
    };
    found.map(|folder| folder.join("dolab")).ok_or_else(|| {
        Failure::wrong_use("this user has no folder for states: name one with --state")
    })
}

/// What the device wrote last.
pub(crate) fn view(args: &StateArgs) -> Result<View, Failure> {
    View::read(&folder(args)?).map_err(|error| refused(&error))
}

/// Why a state folder can not be used, for the user.
pub(crate) fn refused(error: &StateError) -> Failure {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all others are met in one way"
    )]
    let exit = match error {
        StateError::Missing(_) => Exit::WrongUse,
        _ => Exit::CannotRun,
    };
    Failure::new(exit, error)
}

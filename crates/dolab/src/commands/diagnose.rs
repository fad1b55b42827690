//! `dolab diagnose`.

use std::{fs, path::PathBuf};

use dolab_check::site::{Device, Verdict, diagnose};
use dolab_device::View;

use crate::{
    args::{DiagnoseArgs, StateArgs},
    evidence,
    exit::Exit,
    failure::{CommandResult, Failure},
    output::Output,
    render, state,
};

pub(crate) fn run(args: &DiagnoseArgs, output: &Output) -> CommandResult {
    let mut devices = Vec::new();
    for folder in folders(args)? {
        let view = View::read(&folder).map_err(|error| state::refused(&error))?;
        devices.push(evidence::of(&view, &folder));
    }
    for path in &args.evidence {
        devices.extend(evidence::read(path)?);
    }
    evidence::tell_apart(&mut devices);
    if let Some(path) = &args.evidence_out {
        write(&devices, path)?;
        output.note(format_args!("evidence: {}", path.display()));
    }
    let diagnosis = diagnose(&devices);
    output.line(render::diagnosis(output.style(), &diagnosis));
    output.document(&diagnosis);
    Ok(match diagnosis.verdict {
        Verdict::Healthy => Exit::Good,
        Verdict::Finding => Exit::Finding,
        Verdict::Inconclusive => Exit::Inconclusive,
    })
}

fn folders(args: &DiagnoseArgs) -> Result<Vec<PathBuf>, Failure> {
    if !args.state.is_empty() || !args.evidence.is_empty() {
        return Ok(args.state.clone());
    }
    state::folder(&StateArgs { state: None }).map(|folder| vec![folder])
}

/// One device in a line.
fn write(devices: &[Device], path: &std::path::Path) -> Result<(), Failure> {
    let lines: String = devices
        .iter()
        .map(|device| {
            let line = serde_json::to_string(device).expect("text for keys and no failing parts");
            line + "\n"
        })
        .collect();
    fs::write(path, lines)
        .map_err(|error| Failure::cannot_run(format!("{}: {error}", path.display())))
}

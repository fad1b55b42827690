//! `dolab status`.

use dolab_device::{
    State,
    report::{Efficiency, FilePeers, Json, JsonList, PeerInfo},
};
use serde::Serialize;

use crate::{args::StatusArgs, exit::Exit, failure::CommandResult, output::Output, render, state};

pub(crate) fn run(args: &StatusArgs, output: &Output) -> CommandResult {
    let view = state::view(&args.state)?;
    if !view.running {
        output.note("note: the device does not run: this is how it stood last");
    }
    if view.state.files.is_empty() {
        output.note("note: the device knows no files yet");
    }
    if args.peer_info {
        let count = args.select_peer_count.unwrap_or(FilePeers::SHOWN);
        peers(&view.state, count, output);
    } else {
        files(&view.state, view.running, output);
    }
    Ok(Exit::Good)
}

fn files(state: &State, running: bool, output: &Output) {
    #[derive(Serialize)]
    struct File<'a> {
        status: Json<'a, dolab_device::report::FileStatus>,
        efficiency: Efficiency,
    }
    #[derive(Serialize)]
    struct Document<'a> {
        schema: &'static str,
        running: bool,
        written: String,
        files: Vec<File<'a>>,
    }
    for file in &state.files {
        let text = render::list(std::slice::from_ref(&file.status));
        output.line(text.trim_end());
        let sums = file.status.efficiency();
        output.line(render::efficiency(&sums, file.status.from.total()));
    }
    output.document(&Document {
        schema: "dolab.status/1",
        running,
        written: state.written.to_string(),
        files: state
            .files
            .iter()
            .map(|file| File {
                status: Json(&file.status),
                efficiency: file.status.efficiency(),
            })
            .collect(),
    });
}

fn peers(state: &State, count: usize, output: &Output) {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct File<'a> {
        file_id: &'a str,
        peers: JsonList<'a, PeerInfo>,
        /// Peers in all, shown or not.
        total_peers: usize,
    }
    #[derive(Serialize)]
    struct Document<'a> {
        schema: &'static str,
        files: Vec<File<'a>>,
    }
    let files: Vec<_> = state
        .files
        .iter()
        .map(|file| FilePeers::new(&file.status.file_id, file.peers.clone(), count))
        .collect();
    for file in &files {
        output.line(format_args!("FileId : {}\n", file.file_id));
        output.line(render::list(&file.peers));
        let left_out = file.of - file.peers.len();
        if left_out > 0 {
            output.line(format_args!(
                "note: {left_out} more peers: --select-peer-count {} shows all\n",
                file.of
            ));
        }
    }
    output.document(&Document {
        schema: "dolab.peer-info/1",
        files: files
            .iter()
            .map(|file| File {
                file_id: &file.file_id,
                peers: JsonList(&file.peers),
                total_peers: file.of,
            })
            .collect(),
    });
}

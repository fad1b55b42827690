//! `dolab log`.

use dolab_device::{
    View,
    report::{self, ConnectionTrace, Efficiency, Json, JsonList, LogAnalysis, LogEntry},
};
use serde::Serialize;

use crate::{args::LogArgs, exit::Exit, failure::CommandResult, output::Output, render, state};

pub(crate) fn run(args: &LogArgs, output: &Output) -> CommandResult {
    let folder = state::folder(&args.state)?;
    let view = View::read(&folder).map_err(|error| state::refused(&error))?;
    let log = View::log(&folder).map_err(|error| state::refused(&error))?;
    if args.analysis {
        let connections = args.list_connections.then(|| report::connections(&log));
        let sum = LogAnalysis::of(&log, view.state.min_cacheable);
        analysis(&sum, connections.as_deref(), output);
    } else {
        entries(&log, output);
    }
    Ok(Exit::Good)
}

fn entries(log: &[LogEntry], output: &Output) {
    #[derive(Serialize)]
    struct Document<'a> {
        schema: &'static str,
        entries: JsonList<'a, LogEntry>,
    }
    if !output.is_json() {
        output.line(render::list(log).trim_end());
    }
    output.document(&Document {
        schema: "dolab.log/1",
        entries: JsonList(log),
    });
}

fn analysis(sum: &LogAnalysis, connections: Option<&[ConnectionTrace]>, output: &Output) {
    #[derive(Serialize)]
    struct Document<'a> {
        schema: &'static str,
        analysis: Json<'a, LogAnalysis>,
        overall_efficiency: Efficiency,
        peered_efficiency: Efficiency,
        #[serde(skip_serializing_if = "Option::is_none")]
        connections: Option<JsonList<'a, ConnectionTrace>>,
    }
    let (overall, peered) = (sum.overall_efficiency(), sum.peered_efficiency());
    output.line(render::list(std::slice::from_ref(sum)).trim_end());
    output.line(render::efficiency(&overall, sum.overall.total()).trim_end());
    if let Some(connections) = connections {
        output.line("");
        output.line(render::list(connections).trim_end());
    }
    output.document(&Document {
        schema: "dolab.log-analysis/1",
        analysis: Json(sum),
        overall_efficiency: overall,
        peered_efficiency: peered,
        connections: connections.map(JsonList),
    });
}

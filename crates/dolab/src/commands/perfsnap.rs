//! `dolab perfsnap`.

use dolab_device::report::{Efficiency, Json, Record};
use serde::Serialize;

use crate::{
    args::PerfsnapArgs, exit::Exit, failure::CommandResult, output::Output, render, state,
};

pub(crate) fn run(args: &PerfsnapArgs, output: &Output) -> CommandResult {
    let state = state::view(&args.state)?.state;
    if args.this_month {
        let month = state.month.snap(state.monthly_cap);
        let total = month.from.total();
        show(
            "dolab.perfsnap-this-month/1",
            &month,
            month.efficiency(),
            total,
            output,
        );
    } else {
        let (perf, total) = (&state.perf, state.perf.from.total());
        show("dolab.perfsnap/1", perf, perf.efficiency(), total, output);
    }
    Ok(Exit::Good)
}

fn show<R: Record>(
    schema: &'static str,
    snap: &R,
    efficiency: Efficiency,
    total: u64,
    output: &Output,
) {
    #[derive(Serialize)]
    #[serde(bound = "")]
    struct Document<'a, R: Record> {
        schema: &'static str,
        snap: Json<'a, R>,
        efficiency: &'a Efficiency,
    }
    output.line(render::list(std::slice::from_ref(snap)).trim_end());
    output.line(render::efficiency(&efficiency, total).trim_end());
    output.document(&Document {
        schema,
        snap: Json(snap),
        efficiency: &efficiency,
    });
}

//! `dolab error`.

use dolab_wire::{DoCode, do_code::CODES};
use serde::Serialize;

use crate::{
    args::{CodeOrList, ErrorArgs},
    exit::Exit,
    failure::CommandResult,
    output::Output,
    render::{self, CodeDocument},
};

pub(crate) fn run(args: &ErrorArgs, output: &Output) -> CommandResult {
    let asked = args.codes.iter().flat_map(|asked| match asked {
        CodeOrList::Code(code) => vec![*code],
        CodeOrList::List => CODES.iter().map(|known| known.code).collect(),
    });
    let codes: Vec<_> = asked.map(describe).collect();
    output.line(if args.codes.contains(&CodeOrList::List) {
        render::code_list(output.style(), &codes)
    } else {
        render::codes(output.style(), &codes)
    });
    #[derive(Serialize)]
    struct Document<'a> {
        schema: &'static str,
        codes: &'a [CodeDocument],
    }
    output.document(&Document {
        schema: "dolab.error-codes/1",
        codes: &codes,
    });
    Ok(if codes.iter().all(|code| code.meaning.is_some()) {
        Exit::Good
    } else {
        Exit::Inconclusive
    })
}

fn describe(code: DoCode) -> CodeDocument {
    let known = code.explanation();
    CodeDocument {
        code,
        decimal: code.0.cast_signed(),
        about: code.zone(),
        transient: code.is_transient(),
        meaning: known.map(|it| it.meaning),
        fault: known.map(|it| it.fault),
        advice: known.map(|it| it.advice),
    }
}

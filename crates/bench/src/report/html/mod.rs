//! The report as one page for a browser: it holds its scripts, styles and data, and loads nothing.
//!
//! The charts are drawn by uPlot 1.6.32 (MIT, `uplot/LICENSE`), which goes into the page as it is.

#[cfg(test)]
mod tests;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use dolab_wire::text::printable;
use minijinja::{AutoEscape, Environment, value::Serde};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Report, grid};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
const UPLOT: &str = include_str!("uplot/uPlot.iife.min.js");
const UPLOT_STYLE: &str = include_str!("uplot/uPlot.min.css");
const UPLOT_LICENSE: &str = include_str!("uplot/LICENSE");

/// Characters of a text that another host sent, at most.
const LONGEST: usize = 1000;

/// The whole page.
pub fn page(report: &Report) -> String {
    let report = &plain(report);
    // What is not listed here is not run: not even a script that got into the page.
    let policy = format!(
        "default-src 'none'; base-uri 'none'; form-action 'none'; script-src {} {}; style-src {} {}",
        hash(UPLOT),
        hash(SCRIPT),
        hash(UPLOT_STYLE),
        hash(STYLE),
    );
    let hosts: Vec<_> = std::iter::once(&report.local)
        .chain(&report.remotes)
        .map(|host| json!({ "name": host.host, "facts": host.facts(), "address": host.address }))
        .collect();
    let parts = json!({
        "policy": policy,
        "style": STYLE,
        "script": SCRIPT,
        "uplot": UPLOT,
        "uplot_style": UPLOT_STYLE,
        "uplot_license": UPLOT_LICENSE.trim(),
        "outcome": report.outcome,
        "summary": report.summary,
        "advice": report.advice,
        "hosts": hosts,
        "grids": [grid::steps(report), grid::runs(report)],
        "remarks": grid::remarks(report),
        "settings": grid::settings(&report.options),
        "data": embedded(report),
    });
    let mut environment = Environment::empty();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("safe", minijinja::filters::safe);
    environment
        .render_named_str("page.html", PAGE, Serde(parts))
        .expect("the template names only what is handed to it, and a test renders it")
}

/// The report with texts that show as what they are: nothing hides in them, or turns the direction
/// of writing.
fn plain(report: &Report) -> Report {
    fn walk(value: &mut Value) {
        match value {
            Value::String(text) => *text = printable(text, LONGEST),
            Value::Array(items) => items.iter_mut().for_each(walk),
            Value::Object(fields) => fields.values_mut().for_each(walk),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut value = serde_json::to_value(report).expect("a report is JSON");
    walk(&mut value);
    serde_json::from_value(value).expect("only texts have changed")
}

/// The document as JSON that ends no script element, whatever it holds.
fn embedded(report: &Report) -> String {
    let text = serde_json::to_string(report).expect("a report is JSON");
    // These stand in texts only, where JSON takes them by number too.
    text.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// A source as a content security policy names it.
fn hash(source: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(source)))
}

//! What an action has shown, against what it must show.

use serde_json::Value;

use super::program::Ended;
use crate::{
    report::Found,
    scenario::{CodeExpected, Expectation, PathExpected, Verb, WayExpected},
};

/// The final document of a program: the last object that is no event.
pub(super) fn document(stdout: &[Value]) -> Value {
    let documents = stdout.iter().rev();
    let last = documents
        .filter(|value| value.is_object())
        .find(|value| value.get("event").is_none());
    last.cloned().unwrap_or(Value::Null)
}

/// How an action differs from what it must show; nothing where it does not.
pub(super) fn differences(
    expected: &Expectation,
    verb: Verb,
    ended: &Ended,
    document: &Value,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut differs = |what: &str, is: String, expected: String| {
        wrong.push(format!("{what}: {is} instead of {expected}"));
    };
    if !expected.exit.is_empty() && !ended.exit.is_some_and(|exit| expected.exit.contains(&exit)) {
        let is = ended
            .exit
            .map_or_else(|| "ended by a signal".to_owned(), |exit| exit.to_string());
        let codes: Vec<_> = expected.exit.iter().map(ToString::to_string).collect();
        differs("exit code", is, codes.join(" or "));
    }
    let word = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    if let Some(verdicts) = &expected.verdict {
        let is = word(&document["verdict"]);
        if !verdicts.split('|').any(|verdict| verdict == is) {
            differs("verdict", is, verdicts.clone());
        }
    }
    if let Some(via) = &expected.via {
        let is = word(&document["control"]["via"]);
        if is != *via {
            differs("session over", is, via.clone());
        }
    }
    let numbers = [
        ("mode", &document["mode"], expected.mode),
        (
            "peers offered",
            &document["peers_offered"],
            expected.offered,
        ),
    ];
    for (what, is, expected) in numbers {
        if let Some(number) = expected.filter(|number| is.as_u64() != Some(*number)) {
            differs(what, is.to_string(), number.to_string());
        }
    }
    if let Some(found) = expected.found {
        let is = document["hosts"].as_array().map_or(0, Vec::len);
        if is as u64 != found {
            differs("hosts found", is.to_string(), found.to_string());
        }
    }
    if let Some(code) = &expected.code {
        let named = codes(document);
        if !named.iter().any(|named| named.eq_ignore_ascii_case(code)) {
            differs("codes", list(&named), code.clone());
        }
    }
    for (class, bytes) in &expected.bytes {
        let (is, all) = (bytes_from(document, class), document["bytes"].as_u64());
        match (is, all) {
            (Some(is), Some(all)) if bytes.is(is, all) => {}
            (Some(is), Some(all)) => differs(
                &format!("bytes from {class}"),
                format!("{is} of {all}"),
                bytes.name().to_owned(),
            ),
            _ => differs(
                &format!("bytes from {class}"),
                "not said".to_owned(),
                bytes.name().to_owned(),
            ),
        }
    }
    if let Some(says) = &expected.says {
        let text = document.to_string();
        if !text.contains(says.as_str()) && !ended.stderr.iter().any(|line| line.contains(says)) {
            differs("output", "without it".to_owned(), format!("`{says}`"));
        }
    }
    wrong.extend(of_findings(expected, document));
    if verb == Verb::Check && !expected.paths.is_empty() {
        wrong.extend(of_paths(expected, document));
    }
    wrong
}

fn list(words: &[String]) -> String {
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(", ")
    }
}

/// Delivery Optimization's codes that a document names.
fn codes(document: &Value) -> Vec<String> {
    let gates = document["closed_gates"].as_array().into_iter().flatten();
    let findings = document["findings"].as_array().into_iter().flatten();
    [&document["mode_reason"], &document["do_error"]]
        .into_iter()
        .chain(gates.map(|gate| &gate["code"]))
        .chain(findings.map(|finding| &finding["do_error"]))
        .filter_map(|code| code.as_str().map(str::to_owned))
        .collect()
}

/// The bytes of a download from a class of sources; `peers` for all classes of peers.
fn bytes_from(document: &Value, class: &str) -> Option<u64> {
    let from = document["from"].as_object()?;
    let of = |class: &str| from.get(class).and_then(Value::as_u64);
    match class {
        "peers" => Some(
            ["lan", "link_local", "group", "internet"]
                .iter()
                .filter_map(|class| of(class))
                .sum(),
        ),
        class => of(&class.replace('-', "_")),
    }
}

fn of_findings(expected: &Expectation, document: &Value) -> Vec<String> {
    let Some(codes) = &expected.findings else {
        return Vec::new();
    };
    let found = Found::of(document);
    let mut wrong = Vec::new();
    for wanted in codes {
        let is = found.iter().find(|it| it.code == wanted.code);
        match (is, &wanted.severity) {
            (None, _) if !wanted.may => wrong.push(format!("finding {} is missing", wanted.code)),
            (Some(it), Some(severity)) if it.severity != *severity => wrong.push(format!(
                "severity of {}: {} instead of {severity}",
                it.code, it.severity
            )),
            _ => {}
        }
    }
    let others = found.iter().filter(|it| !is_expected(codes, &it.code));
    wrong.extend(
        others.map(|it| format!("finding {} ({}) that nobody expects", it.code, it.severity)),
    );
    wrong
}

fn is_expected(codes: &[CodeExpected], code: &str) -> bool {
    codes.iter().any(|wanted| wanted.code == code)
}

/// The codes that were found and that nobody expects.
pub(super) fn unexpected(expected: &Expectation, document: &Value) -> Vec<String> {
    let found = Found::of(document).into_iter().map(|it| it.code);
    match &expected.findings {
        Some(codes) => found.filter(|code| !is_expected(codes, code)).collect(),
        None => Vec::new(),
    }
}

fn of_paths(expected: &Expectation, document: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let paths = document["paths"].as_array().map_or(&[][..], Vec::as_slice);
    for path in paths {
        let word = |key: &str| path[key].as_str().unwrap_or_default();
        let (id, state, blame) = (word("id"), word("state"), path["blame"].as_str());
        let way = usize::from(word("direction") == "inbound");
        let good = match expected.paths.get(id) {
            Some(PathExpected { ways }) => ways[way].iter().any(|one| one.is(state, blame)),
            None => state == "open" || state == "not-tested",
        };
        if !good {
            let wanted = expected
                .paths
                .get(id)
                .map_or_else(|| "open".to_owned(), |path| words(&path.ways[way]));
            let blame = blame.unwrap_or("nobody");
            let direction = word("direction");
            wrong.push(format!(
                "{id} {direction}: {state}, blamed on {blame}, instead of {wanted}"
            ));
        }
    }
    for id in expected.paths.keys() {
        if !paths.iter().any(|path| path["id"] == **id) {
            wrong.push(format!("no path {id} in the report"));
        }
    }
    wrong
}

fn words(ways: &[WayExpected]) -> String {
    let words: Vec<_> = ways.iter().map(ToString::to_string).collect();
    words.join(" or ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn expectation(text: &str) -> Expectation {
        toml::from_str(text).unwrap()
    }

    fn wrong(expected: &str, exit: i32, document: Value) -> Vec<String> {
        let ended = Ended {
            exit: Some(exit),
            ..Ended::default()
        };
        differences(&expectation(expected), Verb::Check, &ended, &document)
    }

    #[test]
    fn exactly_the_findings_that_are_expected() {
        let report = |codes: &[&str]| {
            let findings: Vec<_> = codes
                .iter()
                .map(|code| json!({ "code": code, "severity": "error" }))
                .collect();
            json!({ "findings": findings })
        };
        let expected = "findings = ['DL014:error', 'DL020?']";
        assert_eq!(wrong(expected, 1, report(&["DL014"])), [""; 0]);
        assert_eq!(wrong(expected, 1, report(&["DL014", "DL020"])), [""; 0]);
        assert_eq!(
            wrong(expected, 1, report(&["DL020", "DL017"])),
            [
                "finding DL014 is missing",
                "finding DL017 (error) that nobody expects"
            ]
        );
        assert_eq!(
            wrong("findings = ['DL014:info']", 1, report(&["DL014"])),
            ["severity of DL014: error instead of info"]
        );
    }

    #[test]
    fn paths_with_their_blame() {
        let path = |id: &str, direction: &str, state: &str, blame: Value| json!({ "id": id, "direction": direction, "state": state, "blame": blame });
        let report = json!({ "paths": [
            path("tcp-7680", "outbound", "filtered", json!("network")),
            path("tcp-7680", "inbound", "open", Value::Null),
            path("udp-5353", "outbound", "not-tested", Value::Null),
        ]});
        let of = |path: &str| wrong(&format!("paths.tcp-7680 = '{path}'"), 1, report.clone());
        assert_eq!(of("filtered:network open"), [""; 0]);
        assert_eq!(of("filtered:network? open"), [""; 0]);
        assert_eq!(of("refused|filtered:network -"), [""; 0]);
        assert_eq!(
            of("filtered:remote-inbound? open"),
            ["tcp-7680 outbound: filtered, blamed on network, instead of filtered:remote-inbound?"]
        );
        assert_eq!(
            wrong("paths.udp-5353 = 'open -'", 1, report.clone()).len(),
            2,
            "5353 itself, and 7680, which has to be open where it is not named"
        );
    }

    #[test]
    fn bytes_and_codes_of_a_download() {
        let report = json!({
            "bytes": 100, "mode": 1, "mode_reason": "0x80D03807", "peers_offered": 2,
            "from": { "http": 10, "lan": 60, "group": 30, "link_local": 0, "internet": 0 },
        });
        let fine = "exit = 0\nmode = 1\noffered = 2\ncode = '0x80d03807'\n\
                    bytes = { lan = 'most', peers = 'most', http = 'some', internet = 'none' }";
        assert_eq!(wrong(fine, 0, report.clone()), [""; 0]);
        let not = "exit = [1, 4]\nmode = 99\nbytes = { lan = 'all' }";
        assert_eq!(
            wrong(not, 0, report),
            [
                "exit code: 0 instead of 1 or 4",
                "mode: 1 instead of 99",
                "bytes from lan: 60 of 100 instead of all"
            ]
        );
    }

    #[test]
    fn the_last_document_counts() {
        let lines = [
            json!({"event": "a"}),
            json!({"schema": "s"}),
            json!("text"),
            json!({"event": "b"}),
        ];
        assert_eq!(document(&lines)["schema"], "s");
        assert_eq!(document(&lines[..1]), Value::Null);
    }
}

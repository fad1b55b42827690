use super::*;
use crate::report::{
    RunResult,
    tests::{full, receiving, report},
};

const EVIL: &str = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;\u{2028}\u{202e}\u{1b}[2J<!--";

/// A report whose every text from another host is hostile.
fn hostile() -> Report {
    let mut hostile = full();
    let evil = || EVIL.to_owned();
    for host in [&mut hostile.local, &mut hostile.remotes[0]] {
        host.host = evil();
        host.os = Some(evil());
        host.version = Some(evil());
        host.address = host.address.as_ref().map(|_| evil());
    }
    for run in &mut hostile.runs {
        run.id.remote = evil();
        match &mut run.result {
            RunResult::Done { figures } => figures.congestion_control = Some(evil()),
            RunResult::Skipped { reason } => *reason = evil(),
            RunResult::Failed { error, do_error } => {
                *error = evil();
                *do_error = Some(evil());
            }
        }
    }
    hostile.options.congestion_control = Some(evil());
    hostile.summary = evil();
    hostile.advice = vec![evil()];
    hostile
}

/// What stands between each `open` and the next `close`.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    text.split(open)
        .skip(1)
        .map(|rest| rest.split(close).next().unwrap_or_default())
        .collect()
}

/// The page without its four own parts, which a stranger has no hand in.
fn without_own_parts(page: &str) -> String {
    [UPLOT, UPLOT_STYLE, SCRIPT, STYLE]
        .into_iter()
        .fold(page.to_owned(), |page, part| page.replacen(part, "", 1))
}

#[test]
fn the_page_holds_the_answer_the_tables_and_the_data() {
    let report = full();
    let page = page(&report);
    let text = page.replace("&#x2f;", "/");
    for shown in [
        &report.summary,
        "<td>33.0 Gbit/s (4.12 GB/s)</td>",
        "send exchange: failed: the connection was reset (0x80D02002)",
    ] {
        assert!(text.contains(shown), "{shown}");
    }
    let data = between(
        &page,
        r#"<script type="application/json" id="report">"#,
        "</script>",
    );
    let held: Report = serde_json::from_str(data[0]).unwrap();
    assert!(held == report);
}

#[test]
fn nothing_of_a_stranger_becomes_markup() {
    let page = page(&hostile());
    // As many elements as a page of the same shape that says nothing wrong.
    let tags = |page: &str| {
        let tag = |rest: &str| {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '/' && c != '!');
            rest[..end.unwrap_or(rest.len())].to_owned()
        };
        let tags = without_own_parts(page);
        tags.split('<').skip(1).map(tag).collect::<Vec<_>>()
    };
    let mut harmless = hostile();
    let text = serde_json::to_string(&harmless).unwrap();
    let evil = serde_json::to_string(EVIL).unwrap();
    harmless = serde_json::from_str(&text.replace(&evil, "\"harmless\"")).unwrap();
    assert_eq!(tags(&page), tags(&super::page(&harmless)));
    for raw in [
        "alert(1)</script>",
        "<img",
        "\u{2028}",
        "\u{202e}",
        "\u{1b}",
    ] {
        assert!(!without_own_parts(&page).contains(raw), "{raw:?}");
    }
}

#[test]
fn quotes_end_no_attribute() {
    // The only attribute that is filled in is the policy, and nobody but us writes it.
    let attributes = between(PAGE, "=\"", "\"");
    let filled: Vec<_> = attributes
        .iter()
        .filter(|value| value.contains("{{"))
        .collect();
    assert_eq!(filled, [&"{{ policy }}", &"answer {{ outcome }}"]);
}

#[test]
fn the_page_loads_nothing() {
    for page in [
        page(&full()),
        page(&hostile()),
        page(&report(receiving([0.0; 4]))),
    ] {
        let own = without_own_parts(&page).to_ascii_lowercase();
        for loads in [
            " src=", " href=", "url(", "@import", "<link", "<iframe", "<object", "<base",
        ] {
            let shown = own
                .replace("&lt;img src=", "")
                .replace("\\u003cimg src=", "");
            assert!(!shown.contains(loads), "{loads}");
        }
    }
    for part in [STYLE, UPLOT_STYLE, SCRIPT] {
        for loads in [
            "http:", "https:", "url(", "@import", "fetch(", "XMLHttp", "import(",
        ] {
            assert!(!part.contains(loads), "{loads}");
        }
    }
    // Its one address stands in a comment.
    assert_eq!(UPLOT.matches("http").count(), 1);
    assert!(UPLOT.starts_with("/*! https://github.com/leeoniya/uPlot (v1.6.32) */"));
}

#[test]
fn the_policy_lets_only_our_scripts_run() {
    let page = page(&hostile());
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"")[0];
    let policy = policy
        .replace("&#x27;", "'")
        .replace("&#x2f;", "/")
        .replace("&#43;", "+");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(!policy.contains("unsafe"));
    for script in between(&page, "<script>", "</script>") {
        assert!(policy.contains(&hash(script)), "{policy}");
    }
    for style in between(&page, "<style>", "</style>") {
        assert!(policy.contains(&hash(style)), "{policy}");
    }
}

#[test]
fn no_part_ends_the_element_that_holds_it() {
    for script in [UPLOT, SCRIPT] {
        assert!(!script.contains("</script") && !script.contains("<!--"));
    }
    for style in [UPLOT_STYLE, STYLE] {
        assert!(!style.contains("</style"));
    }
}

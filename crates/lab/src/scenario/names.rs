//! What was meant, perhaps.

/// The candidate that is most like a wrong name, where one is like it.
pub(super) fn nearest<'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(wrong, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// A hint for a message that names what is wrong, and behind it what could stand there, each in
/// backticks: serde's of an unknown field or variant.
pub(super) fn hint(message: &str) -> Option<String> {
    if !message.starts_with("unknown ") {
        return None;
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let wrong = quoted.next()?;
    nearest(wrong, quoted).map(meant)
}

/// A hint for a name that is none of these: the one that was meant, or else all of them.
pub(super) fn of_these(wrong: &str, of: &[&str]) -> Option<String> {
    let meant = nearest(wrong, of.iter().copied()).map(meant);
    meant.or_else(|| (!of.is_empty()).then(|| format!("there is `{}`", of.join("`, `"))))
}

/// The hint itself.
pub(super) fn meant(candidate: &str) -> String {
    format!("did you mean `{candidate}`?")
}

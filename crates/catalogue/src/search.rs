//! From what somebody types to failures.

use dolab_wire::DoCode;

use crate::{Failure, all};

/// Failures that a text may mean: a code of ours, a code of Delivery Optimization, or words that all
/// stand in a failure's texts. The best first: where the words stand in the title.
pub fn search(text: &str) -> Vec<&'static Failure> {
    if let Some(failure) = crate::failure(text) {
        return vec![failure];
    }
    if let Some(code) = do_code(text) {
        let has = |failure: &&Failure| failure.do_codes.contains(&code);
        return all().iter().filter(has).collect();
    }
    let words: Vec<_> = text
        .split_whitespace()
        .map(|word| word.to_lowercase())
        .collect();
    if words.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<_> = all()
        .iter()
        .filter_map(|failure| Some((rank(failure, &words)?, failure)))
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, failure)| failure).collect()
}

/// The codes that are nearest to one that does not exist: at most three.
pub fn near(code: &str) -> Vec<&'static Failure> {
    let wanted = code.trim().to_uppercase();
    // The digits of a long text, such as a code of Delivery Optimization, are another number.
    let short = wanted.len() <= "DL0000".len();
    let digits = wanted.chars().filter(|c| short && c.is_ascii_digit());
    let digits: String = digits.collect();
    let mut by_distance: Vec<_> = all()
        .iter()
        .map(|failure| {
            let plain = strsim::damerau_levenshtein(&failure.code, &wanted);
            let padded = strsim::damerau_levenshtein(&failure.code[2..], &digits);
            (plain.min(padded), failure)
        })
        .filter(|(distance, _)| *distance <= 2)
        .collect();
    by_distance.sort_by_key(|(distance, failure)| (*distance, failure.number()));
    by_distance.into_iter().map(|(_, it)| it).take(3).collect()
}

/// A code as the catalogue writes it: `DL014` from `dl14`, `DL014` or `14`; `None` for other texts.
pub(crate) fn normal(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = match text.get(..2) {
        Some(letters) if letters.eq_ignore_ascii_case("dl") => &text[2..],
        _ => text,
    };
    let short = (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    short.then(|| format!("DL{digits:0>3}"))
}

/// Texts with a digit or an x may be codes; `dead` and `cafe` are words.
fn do_code(text: &str) -> Option<DoCode> {
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    let code: DoCode = text.parse().ok()?;
    (has_digit && code.is_delivery_optimization()).then_some(code)
}

/// How well the words fit; smaller is better. `None` where one stands nowhere.
fn rank(failure: &Failure, words: &[String]) -> Option<usize> {
    let title = failure.title.to_lowercase();
    let mut rest = format!(
        "{} {} {} {}",
        failure.symptom, failure.cause, failure.mend, failure.rests_on
    );
    for step in &failure.confirm {
        rest.push_str(&step.say);
        rest.push_str(&step.run);
    }
    for fix in &failure.fix {
        rest.push_str(&fix.run);
    }
    let rest = rest.to_lowercase();
    words.iter().try_fold(0, |sum, word| {
        if title.contains(word.as_str()) {
            Some(sum)
        } else if rest.contains(word.as_str()) {
            Some(sum + 1)
        } else {
            None
        }
    })
}

//! Text that another host sent, made safe for a terminal.

use std::borrow::Cow;

use dolab_wire::text::is_plain;

/// Replaces everything that a terminal could act on, or that hides what is really there: control
/// characters, escape sequences, and the marks that turn the direction of writing.
pub fn escape(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_plain(c) {
            safe.push(c);
        } else {
            safe.extend(c.escape_default());
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_could_act_on_is_spelled_out() {
        assert_eq!(escape("Büro-PC 7"), "Büro-PC 7");
        assert_eq!(escape("a\u{1b}[2Jb\r\n"), "a\\u{1b}[2Jb\\r\\n");
        assert_eq!(escape("exe\u{202e}txt"), "exe\\u{202e}txt");
        assert_eq!(escape("\u{9b}31m"), "\\u{9b}31m");
    }
}

use dolab_wire::text::is_plain;

/// Longest file name that is taken from a peer, in bytes: with the store's endings it still fits
/// the 255 that common file systems allow.
const MAX_LEN: usize = 200;

/// Why a name that a peer sent is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing is left of it.
    #[error("the peer sent an empty file name: choose one with --output")]
    Empty,
    /// More than 200 bytes.
    #[error(
        "the peer sent a file name of {0} bytes, more than {MAX_LEN}: choose one with --output"
    )]
    TooLong(usize),
    /// A character that separates folders, that some system does not allow, or that does not show.
    #[error("the peer sent a file name with the character {0:?}: choose one with --output")]
    Character(char),
    /// It begins with a dot (hidden, this folder or the one above) or ends with a dot or space
    /// (which Windows drops).
    #[error(
        "the peer sent the file name {0:?}, which begins or ends in a way that is not safe: choose one with --output"
    )]
    Edge(String),
    /// A device on Windows, whatever its ending.
    #[error(
        "the peer sent the file name {0:?}, which is a device on Windows: choose one with --output"
    )]
    Reserved(String),
}

/// Checks a file name that a peer sent: what comes back is one plain name on every system.
///
/// # Errors
/// When it is anything else. A name is never repaired, for two different ones could become equal.
pub fn safe_name(name: &str) -> Result<&str, NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > MAX_LEN {
        return Err(NameError::TooLong(name.len()));
    }
    if let Some(wrong) = name.chars().find(|&char| !is_allowed(char)) {
        return Err(NameError::Character(wrong));
    }
    if name.starts_with(['.', ' ']) || name.ends_with(['.', ' ']) {
        return Err(NameError::Edge(name.to_owned()));
    }
    if is_reserved(name) {
        return Err(NameError::Reserved(name.to_owned()));
    }
    Ok(name)
}

fn is_allowed(char: char) -> bool {
    is_plain(char)
        && !matches!(
            char,
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '\u{FFFD}'
        )
}

fn is_reserved(name: &str) -> bool {
    let stem = name
        .split('.')
        .next()
        .unwrap_or(name)
        .trim_end_matches(' ')
        .to_uppercase();
    if let "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" = stem.as_str() {
        return true;
    }
    let port = stem
        .strip_prefix("COM")
        .or_else(|| stem.strip_prefix("LPT"));
    // Windows takes the superscript digits for digits too.
    port.is_some_and(|port| {
        let mut chars = port.chars();
        chars
            .next()
            .is_some_and(|char| matches!(char, '0'..='9' | '¹' | '²' | '³'))
            && chars.next().is_none()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_names_pass_as_they_are() {
        let long = "x".repeat(MAX_LEN);
        let names = [
            "a",
            "Windows11.0-KB5046617-x64.msu",
            "größer & schöner (2).iso",
            "更新.cab",
            "-x",
            "com",
            "COM10.txt",
            "console",
            "nul-device",
            "a..b",
            &long,
        ];
        for name in names {
            assert_eq!(safe_name(name), Ok(name));
        }
    }

    #[test]
    fn everything_that_is_more_than_a_name_is_refused() {
        use NameError::{Character, Edge, Empty, Reserved, TooLong};
        let edge = |name: &str| Edge(name.to_owned());
        let reserved = |name: &str| Reserved(name.to_owned());
        let long = "ü".repeat(MAX_LEN / 2 + 1);
        let cases = [
            ("", Empty),
            (&long, TooLong(MAX_LEN + 2)),
            ("/etc/passwd", Character('/')),
            ("..\\..\\x", Character('\\')),
            ("C:x", Character(':')),
            ("x:stream", Character(':')),
            ("a\0b", Character('\0')),
            ("a\nb", Character('\n')),
            ("\x1b[2Jx", Character('\x1b')),
            ("a\u{85}b", Character('\u{85}')),
            ("gpj.\u{202E}exe", Character('\u{202E}')),
            ("a\u{200B}", Character('\u{200B}')),
            ("what?", Character('?')),
            (".", edge(".")),
            ("..", edge("..")),
            (".bashrc", edge(".bashrc")),
            ("x.", edge("x.")),
            ("x ", edge("x ")),
            (" x", edge(" x")),
            ("nul", reserved("nul")),
            ("CON.tar.gz", reserved("CON.tar.gz")),
            ("Aux .txt", reserved("Aux .txt")),
            ("com1", reserved("com1")),
            ("LPT³.x", reserved("LPT³.x")),
            ("conin$", reserved("conin$")),
        ];
        for (name, error) in cases {
            assert_eq!(safe_name(name), Err(error), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn what_passes_is_one_component(name in "[a.\\\\/: \u{0}-\u{7F}]{0,12}") {
            if let Ok(safe) = safe_name(&name) {
                let mut parts = std::path::Path::new(safe).components();
                let part = parts.next();
                prop_assert_eq!(part, Some(std::path::Component::Normal(safe.as_ref())));
                prop_assert_eq!(parts.next(), None);
            }
        }
    }
}

//! Text that another host sent, made safe for logs, terminals and file names.

/// Cuts a text to `max` characters and escapes everything that moves the cursor, hides, or turns
/// the direction of writing.
pub fn printable(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max));
    for (n, c) in text.chars().enumerate() {
        if n == max {
            out.push('…');
            break;
        }
        if is_plain(c) {
            out.push(c)
        } else {
            out.extend(c.escape_unicode())
        }
    }
    out
}

/// Whether a character shows as what it is: it moves no cursor, does not hide, and does not turn the
/// direction of writing, as in `exe.txt` for `txt.exe`.
pub fn is_plain(c: char) -> bool {
    !(c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{feff}'
        )
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e007f}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_can_not_be_steered() {
        assert_eq!(printable("PC-17 (2) ünö", 64), "PC-17 (2) ünö");
        assert_eq!(printable("a\x1b[2Jb\n", 64), "a\\u{1b}[2Jb\\u{a}");
        assert_eq!(printable("abc\u{202e}txt", 64), "abc\\u{202e}txt");
        assert_eq!(printable("abcdef", 3), "abc…");
    }
}

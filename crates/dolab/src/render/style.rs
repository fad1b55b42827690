use comfy_table::Color;

/// How text may look.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether colours are allowed.
    pub colored: bool,
    /// Columns of the terminal; where there is none, what a mail or a ticket can hold.
    pub width: u16,
    /// Whether more than ASCII may be drawn with.
    pub unicode: bool,
}

impl Style {
    /// Plain text, 120 columns wide.
    pub const PLAIN: Self = Self {
        colored: false,
        width: 120,
        unicode: true,
    };

    /// Text in a colour, if colours are allowed.
    pub(super) fn paint(self, color: Color, text: &str) -> String {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the palette of our reports")]
        let code = match color {
            Color::Red => 31,
            Color::Green => 32,
            Color::Yellow => 33,
            Color::Cyan => 36,
            _ => 0,
        };
        if self.colored {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Bold text, if the terminal may be told so.
    pub(super) fn bold(self, text: &str) -> String {
        if self.colored {
            format!("\x1b[1m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

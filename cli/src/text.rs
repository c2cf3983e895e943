//! Readable text: control characters, widths, times and numbers.

use headcount::Timestamp;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns text from a directory without control characters: a name could otherwise move the cursor or change the colours of a terminal, or look like
/// several lines.
pub(crate) fn clean(text: &str) -> String {
    // The second range has the characters that change the direction of text.
    let is_unsafe = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.replace(is_unsafe, "\u{fffd}")
}

/// Returns the number of columns that text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Returns text in at most `columns` columns: if it is longer, its beginning and `…`.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let (mut cut, mut used) = (String::new(), 1);
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        cut.push(c);
    }
    if columns > 0 {
        cut.push('…');
    }
    cut
}

/// Returns a time in UTC to the second, or `-` if there is none.
pub(crate) fn time(moment: Option<Timestamp>) -> String {
    moment.map_or_else(|| "-".to_owned(), |moment| moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Returns a number and the noun that it counts, which is given in the singular.
pub(crate) fn count(number: u64, noun: &str) -> String {
    match noun.strip_suffix('y') {
        _ if number == 1 => format!("{number} {noun}"),
        Some(stem) => format!("{number} {stem}ies"),
        None if noun.ends_with('s') => format!("{number} {noun}es"),
        None => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(clean("Ada\x1b[2J\nKing\u{202e}x"), "Ada\u{fffd}[2J\u{fffd}King\u{fffd}x");
        assert_eq!(clean("Zoë <script> O'Neill/"), "Zoë <script> O'Neill/");
    }

    #[test]
    fn text_is_cut_to_columns_and_not_to_characters() {
        assert_eq!(fit("Engineering", 11), "Engineering");
        assert_eq!(fit("Engineering", 4), "Eng…");
        assert_eq!(fit("開発部門", 5), "開発…");
        assert_eq!(fit("x", 0), "");
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(count(1, "user"), "1 user");
        assert_eq!(count(0, "user"), "0 users");
        assert_eq!(count(1, "entry"), "1 entry");
        assert_eq!(count(2, "entry"), "2 entries");
        assert_eq!(count(2, "address"), "2 addresses");
    }
}

//! Text of pages: names from directories, times, ages and numbers.

use crate::text::clean;
use headcount::Timestamp;
use headcount::system::{Clock, SystemClock};
use maud::{Markup, html};

/// Returns a text from a directory as markup: without control characters, and isolated, so that a name in a right-to-left script does not reorder what is beside it.
pub(super) fn name(text: &str) -> Markup {
    html! { bdi { (clean(text)) } }
}

/// Returns a name, or if it is empty, the id, as markup.
pub(super) fn name_or_id(text: &str, id: &str) -> Markup {
    if text.trim().is_empty() { self::id(id) } else { name(text) }
}

/// Returns a name, or if it is empty, the id.
pub(super) fn title<'a>(name: &'a str, id: &'a str) -> &'a str {
    if name.trim().is_empty() { id } else { name }
}

/// Returns an id, which may be broken over two lines.
pub(super) fn id(id: &str) -> Markup {
    html! { code { bdi { (clean(id)) } } }
}

/// Returns a time in UTC with how long ago it was, or a dash if there is none.
pub(super) fn time(moment: Option<Timestamp>) -> Markup {
    moment.map_or_else(none, |moment| time_by(moment, SystemClock.now()))
}

/// Returns a time in UTC with how long ago it is by a clock that says `now`.
pub(super) fn time_by(moment: Timestamp, now: Timestamp) -> Markup {
    html! { (at(moment)) " " span.age { (age(now.as_second() - moment.as_second())) } }
}

/// Returns a text from elsewhere of several lines as markup. Control characters are replaced, except line breaks and tabs.
pub(super) fn block(text: &str) -> Markup {
    let lines =
        text.split('\n').map(|line| line.trim_end_matches('\r').split('\t').map(clean).collect::<Vec<_>>().join("\t"));
    html! { pre { bdi { (lines.collect::<Vec<_>>().join("\n")) } } }
}

/// Returns a time in UTC.
pub(super) fn at(moment: Timestamp) -> Markup {
    html! { time datetime=(moment.strftime("%Y-%m-%dT%H:%M:%SZ")) { (moment.strftime("%Y-%m-%d %H:%M:%S")) } }
}

/// Returns the sign for a value that is absent.
pub(super) fn none() -> Markup {
    html! { span.none aria-hidden="true" { "–" } span.hidden { "none" } }
}

/// Says how long ago something was, or in how long it will be.
fn age(seconds: i64) -> String {
    let length = match seconds.unsigned_abs() {
        0..5 => return "just now".to_owned(),
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ ..3_600 => format!("{} min", seconds / 60),
        seconds @ ..86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    };
    if seconds < 0 { format!("in {length}") } else { format!("{length} ago") }
}

/// Returns how long something took, from its first to its last moment.
pub(super) fn took(from: Timestamp, to: Timestamp) -> String {
    let milliseconds = (to.as_millisecond() - from.as_millisecond()).max(0);
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds % 60_000 / 1_000),
    }
}

/// Returns a number with its digits in groups of three.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a number and the noun that it counts, which is given in the singular.
pub(super) fn count(total: u64, noun: &str) -> String {
    crate::text::count(total, noun).replacen(&total.to_string(), &number(total), 1)
}

/// Returns a name such as `mass_removal` as words that begin with a capital letter.
pub(super) fn words(name: &str) -> String {
    let words = name.replace(['_', '.'], " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_isolated_and_without_control_characters() {
        let markup = name("<b>\u{202e}\u{7}\"").into_string();
        assert_eq!(markup, "<bdi>&lt;b&gt;\u{fffd}\u{fffd}&quot;</bdi>");
    }

    #[test]
    fn a_text_of_several_lines_keeps_them() {
        let markup = block("<b>\r\n\tx\u{7}").into_string();
        assert_eq!(markup, "<pre><bdi>&lt;b&gt;\n\tx\u{fffd}</bdi></pre>");
    }

    #[test]
    fn ages_are_in_the_largest_unit() {
        let cases = [
            (0, "just now"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (7_200, "2 h ago"),
            (86_400, "1 d ago"),
            (-90, "in 1 min"),
        ];
        for (seconds, text) in cases {
            assert_eq!(age(seconds), text);
        }
    }

    #[test]
    fn durations_are_rounded_down() {
        let after = |milliseconds| took(Timestamp::UNIX_EPOCH, Timestamp::from_millisecond(milliseconds).unwrap());
        assert_eq!(after(12), "12 ms");
        assert_eq!(after(1_290), "1.2 s");
        assert_eq!(after(61_000), "1 min 1 s");
        assert_eq!(after(-5), "0 ms");
    }

    #[test]
    fn digits_are_in_groups_of_three() {
        assert_eq!(number(7), "7");
        assert_eq!(number(1_000), "1,000");
        assert_eq!(number(123_456), "123,456");
        assert_eq!(count(1_234, "user"), "1,234 users");
        assert_eq!(count(1, "reply"), "1 reply");
    }

    #[test]
    fn names_become_words() {
        assert_eq!(words("mass_removal"), "Mass removal");
        assert_eq!(words("user.created"), "User created");
        assert_eq!(words(""), "");
    }
}

//! Conversions of doc comments that every emitter needs.

/// Replaces rustdoc's links by their text: `[`Error::reason`](crate::Error::reason)` becomes `` `Error::reason` ``.
pub(crate) fn plain(doc: &str) -> String {
    let mut text = String::new();
    let mut rest = doc;
    while let Some(start) = rest.find('[') {
        let (before, link) = rest.split_at(start);
        text.push_str(before);
        let Some((label, after)) = link.strip_prefix('[').and_then(|link| link.split_once(']')) else {
            rest = link;
            break;
        };
        // `[x](y)` is a link, and so is `` [`x`] ``; any other bracket is text.
        if let Some((_, after)) = after.strip_prefix('(').and_then(|after| after.split_once(')')) {
            text.push_str(label);
            rest = after;
        } else if label.starts_with('`') {
            text.push_str(label);
            rest = after;
        } else {
            text.push('[');
            rest = link.strip_prefix('[').unwrap_or_default();
        }
    }
    text.push_str(rest);
    text
}

/// Returns the first paragraph of a doc comment on one line.
pub(crate) fn summary(doc: &str) -> String {
    let paragraph = doc.split("\n\n").next().unwrap_or_default();
    plain(&paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_become_their_text() {
        assert_eq!(
            plain("See [`Error::reason`](crate::Error::reason) and [`Activity::wait`]."),
            "See `Error::reason` and `Activity::wait`."
        );
        assert_eq!(plain("a [b] c"), "a [b] c");
        assert_eq!(plain("a list[0"), "a list[0");
    }

    #[test]
    fn a_summary_is_the_first_paragraph_on_one_line() {
        assert_eq!(summary("One\ntwo.\n\nThree."), "One two.");
    }
}

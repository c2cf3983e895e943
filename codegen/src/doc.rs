//! Converts doc comments: what the emitters of all languages need.

/// Replaces rustdoc's links by their text: `[`Error::reason`](crate::Error::reason)` becomes `` `Error::reason` ``. Removes examples in Rust.
pub(crate) fn plain(doc: &str) -> String {
    let doc = without_examples(doc);
    let mut text = String::new();
    let mut rest = doc.as_str();
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

/// Removes fenced code blocks.
fn without_examples(doc: &str) -> String {
    let mut is_code = false;
    let lines = doc.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_fence && !is_code
    });
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
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
    fn examples_are_removed() {
        assert_eq!(plain("One.\n\n```\nlet two = [2];\n```"), "One.");
        assert_eq!(plain("One.\n\n```\n2\n```\n\nThree."), "One.\n\n\nThree.");
    }

    #[test]
    fn a_summary_is_the_first_paragraph_on_one_line() {
        assert_eq!(summary("One\ntwo.\n\nThree."), "One two.");
    }
}

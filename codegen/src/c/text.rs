//! Converts doc comments to the form that they have in the C header.

use crate::doc;

/// The largest number of columns of a documentation line, without `/// `.
const WIDTH: usize = 116;

/// Converts a Rust doc comment for C: code spans as [`code`] does, and "…" and "–" to ASCII.
pub(super) fn c_doc(text: &str) -> String {
    let text = doc::plain(text);
    let mut parts = Vec::new();
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 0 {
            parts.push(part.to_owned());
        } else {
            parts.push(code(part));
        }
    }
    parts.concat().replace('…', "...").replace('–', "-")
}

/// Converts a code span: `None` becomes NULL, `true` and `false` stay, `Error::reason` becomes `hc_error_reason`, and any other code becomes a text
/// in quotes.
fn code(span: &str) -> String {
    match span {
        "None" => "NULL".to_owned(),
        "true" | "false" => span.to_owned(),
        _ => match span.split_once("::") {
            Some(("Error", accessor)) => format!("hc_error_{accessor}"),
            _ => format!("\"{span}\""),
        },
    }
}

/// Breaks a text into lines of at most [`WIDTH`] columns. Paragraphs are kept; in a list item, lines after the first are indented.
pub(super) fn wrap(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, paragraph) in text.split("\n\n").enumerate() {
        if index > 0 {
            lines.push(String::new());
        }
        let indent = if paragraph.starts_with("- ") { "  " } else { "" };
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
                lines.push(std::mem::replace(&mut line, format!("{indent}{word}")));
            } else {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
        }
        lines.push(line);
    }
    lines
}

/// Returns the documentation of a function: what it does, then a list of its parameters, results and threads.
pub(super) fn function_doc(text: &str, items: &[String]) -> Vec<String> {
    let mut lines = wrap(text);
    lines.push(String::new());
    for item in items {
        lines.extend(wrap(&format!("- {item}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_in_documentation_is_converted_to_c() {
        assert_eq!(c_doc("Id (`dir_…`), or `None`."), "Id (\"dir_...\"), or NULL.");
        assert_eq!(c_doc("[`Error::reason`](crate::Error::reason) says why."), "hc_error_reason says why.");
    }

    #[test]
    fn lines_of_a_list_item_are_indented_after_the_first() {
        let lines = wrap(&format!("- {}", "word ".repeat(30)));
        assert_eq!(lines.len(), 2);
        assert!(lines.last().unwrap().starts_with("  word"));
    }
}

//! URLs of the page. Ids come from directories and may have any characters.

use super::text::{id, name_or_id};
use maud::{Markup, html};
use std::fmt::Write;

/// Returns the path of a page: its parts, each of which is encoded.
pub(super) fn path(parts: &[&str]) -> String {
    parts.iter().fold(String::new(), |path, part| path + "/" + &encoded(part))
}

/// Encodes a text for a part of a path or a value of a query. Everything but unreserved characters (RFC 3986) is encoded, and so is a part that consists of dots only, which
/// browsers would otherwise remove.
pub(super) fn encoded(text: &str) -> String {
    let is_dots = matches!(text, "." | "..");
    text.bytes().fold(String::new(), |mut url, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => url.push(char::from(byte)),
            b'.' if !is_dots => url.push('.'),
            // Writing to a string does not fail.
            _ => _ = write!(url, "%{byte:02X}"),
        }
        url
    })
}

/// Returns a link to a user, with the user's name if it is known.
pub(super) fn user(user_id: &str, name: &str) -> Markup {
    html! { a href=(path(&["users", user_id])) { (name_or_id(name, user_id)) } }
}

/// Returns a link to a group, with the group's name if it is known.
pub(super) fn group(group_id: &str, name: &str) -> Markup {
    html! { a href=(path(&["groups", group_id])) { (name_or_id(name, group_id)) } }
}

/// Returns a link to a directory, with the directory's name if it is known.
pub(super) fn directory(directory_id: &str, name: &str) -> Markup {
    html! { a href=(path(&["directories", directory_id])) { (name_or_id(name, directory_id)) } }
}

/// Returns a link to a hold.
pub(super) fn hold(hold_id: &str) -> Markup {
    html! { a href=(path(&["holds", hold_id])) { (id(hold_id)) } }
}

/// Returns a link to the sync that has this id, of a directory.
pub(super) fn sync(directory_id: &str, run_id: &str) -> Markup {
    let syncs = path(&["directories", directory_id, "syncs"]);
    html! { a href=(format!("{syncs}?run={}", encoded(run_id))) { "sync " (id(run_id)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_encoded() {
        assert_eq!(path(&["users", "diruser_1"]), "/users/diruser_1");
        assert_eq!(path(&["users", "a/b?c#d\"'<é%"]), "/users/a%2Fb%3Fc%23d%22%27%3C%C3%A9%25");
        assert_eq!(path(&["users", ".."]), "/users/%2E%2E");
    }
}

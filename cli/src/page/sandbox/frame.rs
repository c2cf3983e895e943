//! The frame of the views: the search field, the links to the three main views or the path, around a main part.

use crate::page::frame::{OVERVIEW, Step, path, search};
use crate::page::layout::document;
use maud::{Markup, html};

/// What a page has besides its main part.
pub(super) struct Frame<'a> {
    /// The title, as text.
    pub(super) title: &'a str,
    /// The pages above this one, without the overview.
    pub(super) above: Vec<Step<'a>>,
    /// What was searched for, for the search field.
    pub(super) query: &'a str,
}

/// The main views: their paths and names.
const VIEWS: [(&str, &str); 3] = [("/", OVERVIEW), ("/users", "Users"), ("/webhooks", "Webhooks")];

impl Frame<'_> {
    /// Puts a main part into the frame.
    pub(super) fn around(&self, main: Markup) -> Markup {
        let header = html! {
            (search("/users", "Search users by email address, id or name", self.query))
            div.session {
                // The script fills it in: without the script, nothing is live.
                span #live.live {}
                span.badge.info { "Sandbox" }
            }
        };
        let is_main = VIEWS.iter().any(|(_, name)| *name == self.title);
        let content = html! {
            @if is_main {
                nav.tabs.views aria-label="Sandbox" {
                    ul {
                        @for (path, name) in VIEWS {
                            li { a href=(path) aria-current=[(name == self.title).then_some("page")] { (name) } }
                        }
                    }
                }
            } @else {
                (path(&self.above, self.title))
            }
            main #main tabindex="-1" { (main) }
        };
        document(self.title, true, header, content)
    }
}

//! The frame of the views: the search field, the session and the path, around a main part.

use super::layout::document;
use super::viewer::Viewer;
use maud::{Markup, html};

/// A step of the path to a page: its name, and its URL.
pub(super) type Step<'a> = (&'a str, String);

/// What a page has besides its main part.
pub(super) struct Frame<'a> {
    pub(super) viewer: &'a Viewer,
    /// The title, as text.
    pub(super) title: &'a str,
    /// The pages above this one, without the overview.
    pub(super) above: Vec<Step<'a>>,
    /// What was searched for, for the search field.
    pub(super) query: &'a str,
}

impl<'a> Frame<'a> {
    pub(super) fn new(viewer: &'a Viewer, title: &'a str) -> Frame<'a> {
        Frame { viewer, title, above: Vec::new(), query: "" }
    }

    /// Puts a main part into the frame.
    pub(super) fn around(&self, main: Markup) -> Markup {
        let Viewer { may_write, csrf, can_sign_out } = self.viewer;
        let header = html! {
            (search("/search", "Search by email address, id or name", self.query))
            div.session {
                // The script fills it in: without the script, nothing is live.
                span #live.live {}
                @if !may_write { span.badge.quiet { "Read-only" } }
                @if *can_sign_out {
                    form method="post" action="/signout" {
                        input type="hidden" name="csrf" value=(csrf);
                        button.plain type="submit" { "Sign out" }
                    }
                }
            }
        };
        let content = html! {
            @if self.title != OVERVIEW { (path(&self.above, self.title)) }
            main #main tabindex="-1" { (main) }
        };
        document(self.title, true, header, content)
    }
}

/// Returns the search field of a header. `label` is for screen readers.
pub(super) fn search(url: &str, label: &str, query: &str) -> Markup {
    html! {
        form.search action=(url) role="search" {
            label.hidden for="q" { (label) }
            input #q type="search" name="q" value=(query) maxlength="320" placeholder="Email address, id or name" autocomplete="off" spellcheck="false";
            button type="submit" { "Search" }
        }
    }
}

/// Returns the path to a page: the overview, the pages above it, and its title.
pub(super) fn path(above: &[Step<'_>], title: &str) -> Markup {
    html! {
        nav.path aria-label="Path" {
            ol {
                li { a href="/" { (OVERVIEW) } }
                @for (name, url) in above {
                    li { a href=(url) { bdi { (crate::text::clean(name)) } } }
                }
                li aria-current="page" { bdi { (crate::text::clean(title)) } }
            }
        }
    }
}

/// The title of the first page.
pub(super) const OVERVIEW: &str = "Overview";

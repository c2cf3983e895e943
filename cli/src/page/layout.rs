//! What every page has: its head, the bar at the top, and the footer.

use super::assets::{SCRIPT, STYLE};
use maud::{DOCTYPE, Markup, html};

/// Makes a page without a search field and without anything that needs a session.
pub(super) fn bare(title: &str, main: Markup) -> Markup {
    document(title, false, html! {}, html! { main #main.narrow tabindex="-1" { (main) } })
}

/// Makes a page. `is_live` is whether it has the script, `header` what the bar at the top has beside the name.
pub(super) fn document(title: &str, is_live: bool, header: Markup, content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (crate::text::clean(title)) " · headcount" }
                link rel="icon" href=(ICON);
                link rel="stylesheet" href=(STYLE.path);
                @if is_live { script src=(SCRIPT.path) defer {} }
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header.top {
                    div.bar {
                        a.brand href="/" { (mark()) span { "headcount" } }
                        (header)
                    }
                }
                div.page { (content) }
                footer { p { "Times are in UTC. headcount " (env!("CARGO_PKG_VERSION")) } }
                // Messages for screen readers. It is outside of the part that the script replaces.
                div #news.hidden role="status" aria-live="polite" {}
            }
        }
    }
}

/// The icon of browser tabs: bars, as in the mark.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%230f6e70'/%3E%3Cpath d='M4 12V8M8 12V4M12 12V6' stroke='white' stroke-width='2' stroke-linecap='round'/%3E%3C/svg%3E";

fn mark() -> Markup {
    html! {
        svg viewBox="0 0 16 16" width="22" height="22" aria-hidden="true" {
            rect width="16" height="16" rx="4" class="ground" {}
            path d="M4 12V8M8 12V4M12 12V6" {}
        }
    }
}

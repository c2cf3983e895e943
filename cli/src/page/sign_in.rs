//! The form for the token.

use super::layout::bare;
use super::reply::reply;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;

/// Makes the page with the form for the token. `next` is the path that the viewer asked for, and `failed` whether a wrong token was given. The form posts `token` and `next`
/// to `/signin`. The status of the response is 200.
pub(crate) fn sign_in(next: &str, failed: bool) -> Response {
    let page = bare(
        "Sign in",
        html! {
            h1 { "Sign in" }
            p { "Enter a token of this server: the one that programs send in the header " code { "Authorization" } "." }
            @if failed {
                p #failed.alert.bad role="alert" { strong { "Not signed in." } " The token is wrong, or is not valid any more." }
            }
            form.stack method="post" action="/signin" {
                input type="hidden" name="next" value=(next);
                div.field {
                    label for="token" { "Token" }
                    input #token type="password" name="token" required autocomplete="current-password" autofocus
                        aria-invalid=[failed.then_some("true")] aria-describedby=[failed.then_some("failed")];
                }
                button.main type="submit" { "Sign in" }
            }
        },
    );
    reply(StatusCode::OK, page)
}

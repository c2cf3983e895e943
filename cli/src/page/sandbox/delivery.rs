//! A delivery: the event, each attempt with the headers that were sent and the response, and the button that sends it again.

use super::form::{Asked, Blank, Button, Filled, Sent, Wrong, answer, done, missing, notice, unknown};
use super::frame::Frame;
use super::state::State;
use super::webhooks::{next_attempt, response, state_badge};
use crate::page::failure::Failure;
use crate::page::link::path;
use crate::page::parts::{empty, facts, section};
use crate::page::reply::reply;
use crate::page::text::{block, id, time_by};
use axum::extract;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use headcount::Timestamp;
use headcount_sandbox::Attempt;
use maud::{Markup, html};
use serde_json::Value;

pub(super) async fn show(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    Ok(reply(StatusCode::OK, page(&state, &id, &asked, None)?))
}

pub(super) async fn act(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    sent: Sent,
) -> Result<Response, Failure> {
    let filled = Filled::read(&state, sent)?;
    let acted = match filled.name() {
        "again" => {
            let sent = state.environment.send_again(&id);
            sent.map(|()| done(&path(&["webhooks", &id]), "sent")).map_err(Into::into)
        }
        _ => Err(unknown()),
    };
    answer(filled, acted, |wrong| page(&state, &id, &Asked::default(), Some(wrong)))
}

fn page(state: &State, message_id: &str, asked: &Asked, wrong: Option<&Wrong>) -> Result<Markup, Failure> {
    let delivery = state.environment.delivery(message_id).map_err(|error| missing(&error))?;
    let now = state.environment.now();
    let page = path(&["webhooks", message_id]);
    let form = Blank { path: &page, name: "again", csrf: &state.csrf, wrong };
    let next = next_attempt(&delivery);
    let main = html! {
        div.head {
            h1 { bdi { (crate::text::clean(&delivery.event_type)) } }
            p.badges { (state_badge(delivery.state)) }
        }
        (notice(asked))
        (facts(vec![
            ("Message", id(&delivery.message_id)),
            ("Event", id(&delivery.event_id)),
            ("Endpoint", id(&delivery.url)),
            ("Time", time_by(delivery.created_at, now)),
            ("Next attempt", next.map_or_else(|| html! { "None" }, |at| time_by(at, now))),
        ]))
        (form.form(html! { p.under { "With the same message id, and a new signature." } }, Button::Main, &html! { "Send again" }))
        (section("attempts", "Attempts", html! {
            @if delivery.attempts.is_empty() { (empty("None yet.")) } @else {
                ol.timeline {
                    @for (index, attempt) in delivery.attempts.iter().enumerate() { (attempt_entry(index + 1, attempt, now)) }
                }
            }
        }))
        (section("body", "Body", html! {
            (block(&pretty(&delivery.body)))
            details.numbers #exact {
                summary { "As it is signed and sent" }
                (block(&delivery.body))
            }
        }))
    };
    let above = vec![("Webhooks", "/webhooks".to_owned())];
    Ok(Frame { title: &delivery.event_type, above, query: "" }.around(main))
}

fn attempt_entry(number: usize, attempt: &Attempt, now: Timestamp) -> Markup {
    html! {
        li {
            div.when { (time_by(attempt.at, now)) }
            div.what {
                p { strong { "Attempt " (number) } " " (response(attempt)) }
                details.numbers id=(format!("request-{number}")) {
                    summary { "Headers of the request" span.hidden { " of attempt " (number) } }
                    (headers(&attempt.request_headers))
                }
                @if attempt.status.is_some() {
                    details.numbers id=(format!("response-{number}")) {
                        summary { "Response" span.hidden { " to attempt " (number) } }
                        (headers(&attempt.response_headers))
                        @if attempt.response_body.is_empty() { p.under { "Without a body." } } @else { (block(&attempt.response_body)) }
                        @if attempt.is_body_cut { p.under { "The body goes on, or did not end within a second." } }
                    }
                }
            }
        }
    }
}

fn headers(headers: &[(String, String)]) -> Markup {
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    block(&lines.join("\n"))
}

/// Returns JSON with line breaks.
fn pretty(body: &str) -> String {
    let value = serde_json::from_str::<Value>(body).ok();
    value.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| body.to_owned())
}

//! The endpoints, the delay of webhooks, and all deliveries.

use super::form::{Asked, Blank, Button, Filled, Refused, Sent, Wrong, answer, done, notice, unknown};
use super::frame::Frame;
use super::state::State;
use crate::page::failure::Failure;
use crate::page::link::path;
use crate::page::parts::{Paging, Tone, badge, empty, older, section, table};
use crate::page::reply::reply;
use crate::page::text::{id, none, number, time_by, words};
use axum::extract;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use headcount::Timestamp;
use headcount_sandbox::{Attempt, Delivery, DeliveryState, parse_duration};
use maud::{Markup, html};
use std::time::Duration;

/// Number of deliveries on a page.
const DELIVERIES: usize = 50;

pub(super) async fn show(
    extract::State(state): extract::State<State>,
    Query(asked): Query<Asked>,
    Query(paging): Query<Paging>,
) -> Response {
    reply(StatusCode::OK, page(&state, &asked, &paging, None))
}

pub(super) async fn act(extract::State(state): extract::State<State>, sent: Sent) -> Result<Response, Failure> {
    let filled = Filled::read(&state, sent)?;
    let acted = carry_out(&state, &filled);
    answer(filled, acted, |wrong| Ok(page(&state, &Asked::default(), &Paging::default(), Some(wrong))))
}

fn carry_out(state: &State, filled: &Filled) -> Result<String, Refused> {
    let what = match filled.name() {
        "register" => {
            state.environment.register_endpoint(filled.get("url"))?;
            "registered"
        }
        "remove" => {
            state.environment.remove_endpoint(filled.get("url"))?;
            "removed"
        }
        "slow" => {
            let delay = parse_duration(filled.get("delay"));
            let delay =
                delay.ok_or_else(|| Refused::Wrong("delay: expected a time such as 0, 90s, 5m or 1h".to_owned()))?;
            state.environment.delay_webhooks(delay);
            if delay.is_zero() { "hastened" } else { "slowed" }
        }
        _ => return Err(unknown()),
    };
    Ok(done("/webhooks", what))
}

fn page(state: &State, asked: &Asked, paging: &Paging, wrong: Option<&Wrong>) -> Markup {
    let environment = &state.environment;
    let before = paging.before().and_then(|before| usize::try_from(before).ok());
    let deliveries = environment.recent_deliveries(before, DELIVERIES);
    let last = deliveries.last().map(|(index, _)| *index).filter(|index| *index > 0);
    let last = last.and_then(|index| i64::try_from(index).ok());
    let main = html! {
        h1 { "Webhooks" }
        (notice(asked))
        div.panels {
            (section("endpoints", "Endpoints", endpoints(state, wrong)))
            (section("delay", "Slow webhooks", delay(state, wrong)))
        }
        (section("deliveries", "Deliveries, newest first", html! {
            @if deliveries.is_empty() {
                (empty("None yet: register an endpoint, and change something."))
            } @else {
                (delivery_table(state, &deliveries))
            }
            (older("/webhooks", paging.before(), last))
        }))
    };
    Frame { title: "Webhooks", above: Vec::new(), query: "" }.around(main)
}

fn endpoints(state: &State, wrong: Option<&Wrong>) -> Markup {
    let blank = |name| Blank { path: "/webhooks", name, csrf: &state.csrf, wrong };
    let urls = state.environment.endpoints();
    let register = blank("register");
    let field = register.text(
        "url",
        "URL",
        "",
        true,
        "Such as http://127.0.0.1:8000/webhooks. Every later change is sent to it.",
    );
    html! {
        @if urls.is_empty() { (empty("None: webhooks are sent to nobody.")) } @else {
            ul.holds {
                @for url in &urls {
                    li {
                        (id(url))
                        (blank("remove").form(html! { input type="hidden" name="url" value=(url); }, Button::Plain, &html! { "Remove" span.hidden { " " (crate::text::clean(url)) } }))
                    }
                }
            }
        }
        (register.form(field, Button::Main, &html! { "Register the endpoint" }))
    }
}

fn delay(state: &State, wrong: Option<&Wrong>) -> Markup {
    let delay = state.environment.webhook_delay();
    let form = Blank { path: "/webhooks", name: "slow", csrf: &state.csrf, wrong };
    let field =
        form.text("delay", "Delay", &length(delay), true, "Such as 30s, 5m or 1h of the sandbox's clock; 0 for none.");
    html! {
        @if delay.is_zero() {
            p.lead { (badge(Tone::Good, "At once")) " A webhook is sent at once." }
        } @else {
            p.lead { (badge(Tone::Warning, "Slow")) " The first attempt of a webhook is delayed by " (length(delay)) "." }
        }
        (form.form(field, Button::Main, &html! { "Set the delay" }))
    }
}

/// Returns a duration in the form that the forms take.
fn length(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    // The largest unit of which it is a multiple.
    let unit = units.into_iter().find(|(unit, _)| duration.subsec_nanos() == 0 && seconds.is_multiple_of(*unit));
    match unit {
        _ if duration.is_zero() => "0".to_owned(),
        Some((unit, name)) => format!("{}{name}", seconds / unit),
        None => format!("{}s", duration.as_secs_f64()),
    }
}

fn delivery_table(state: &State, deliveries: &[(usize, Delivery)]) -> Markup {
    let now = state.environment.now();
    let row = |(_, delivery): &(usize, Delivery)| {
        vec![
            html! {
                a href=(path(&["webhooks", &delivery.message_id])) { (id(&delivery.event_type)) }
                div.under { (id(&delivery.message_id)) }
            },
            id(&delivery.url),
            html! {
                (state_badge(delivery.state))
                @if let Some(at) = next_attempt(delivery) { div.under { "next attempt " (time_by(at, now)) } }
            },
            delivery.attempts.last().map_or_else(none, response),
            html! { (number(delivery.attempts.len() as u64)) },
            time_by(delivery.created_at, now),
            again(state, delivery),
        ]
    };
    let columns = ["Event", "Endpoint", "State", "Last response", "#Attempts", "Time", "Send"];
    table("Deliveries of webhooks", &columns, deliveries.iter().map(row).collect())
}

/// Returns the time of the next attempt, unless it is being made.
pub(super) fn next_attempt(delivery: &Delivery) -> Option<Timestamp> {
    delivery.next_attempt_at.filter(|_| delivery.state == DeliveryState::Pending)
}

/// Returns the button that sends a webhook again.
pub(super) fn again(state: &State, delivery: &Delivery) -> Markup {
    let page = path(&["webhooks", &delivery.message_id]);
    let form = Blank { path: &page, name: "again", csrf: &state.csrf, wrong: None };
    let label = html! { "Send again" span.hidden { " " (crate::text::clean(&delivery.message_id)) } };
    form.form(html! {}, Button::Plain, &label)
}

/// Returns the state of a delivery.
pub(super) fn state_badge(state: DeliveryState) -> Markup {
    let (tone, name) = match state {
        DeliveryState::Pending => (Tone::Info, "waiting"),
        DeliveryState::Sending => (Tone::Info, "being_sent"),
        DeliveryState::Delivered => (Tone::Good, "delivered"),
        DeliveryState::Failed => (Tone::Bad, "failed"),
    };
    badge(tone, &words(name))
}

/// Returns what an endpoint answered.
pub(super) fn response(attempt: &Attempt) -> Markup {
    match (attempt.status, &attempt.error) {
        (Some(status @ 200..=299), _) => badge(Tone::Good, &status.to_string()),
        (Some(status), _) => badge(Tone::Bad, &status.to_string()),
        (None, Some(error)) => html! { (badge(Tone::Bad, "No response")) div.under { (crate::text::clean(error)) } },
        (None, None) => none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_shown_as_it_can_be_entered() {
        for text in ["0", "0.25s", "90s", "5m", "36h", "2d"] {
            assert_eq!(length(parse_duration(text).unwrap()), text);
        }
    }
}

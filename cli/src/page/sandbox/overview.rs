//! The overview: how to connect, the directories, and forms for the clock and for the faults of the API.

use super::form::{Asked, Blank, Button, Filled, Refused, Sent, Wrong, answer, done, notice, unknown};
use super::frame::Frame;
use super::state::State;
use crate::page::failure::Failure;
use crate::page::frame::OVERVIEW;
use crate::page::link::path;
use crate::page::parts::{Tone, badge, empty, facts, section, table};
use crate::page::reply::reply;
use crate::page::text::{at, block, count, id, name, number};
use axum::extract;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use headcount_sandbox::internal::DirectoryView;
use headcount_sandbox::{FaultPlan, parse_duration, program};
use maud::{Markup, html};

/// The faults that the form offers, in their text form, with what they do.
const FAULTS: [(&str, &str); 17] = [
    ("429", "429: too many requests"),
    ("429:30", "429, and ask to wait for 30 seconds"),
    ("401", "401: the token is not valid"),
    ("403", "403: not permitted"),
    ("404", "404: not found"),
    ("500", "500: internal error"),
    ("503", "503: not available"),
    ("reset", "Reset the connection"),
    ("truncate", "End after half of the body"),
    ("garbage", "A body that is not JSON"),
    ("html", "A web page, as of a captive portal"),
    ("wrong-types", "JSON with members of the wrong types"),
    ("junk", "A body of 10 MB"),
    ("drip", "An endless body, a byte a second"),
    ("redirect", "A redirect to another host"),
    ("latency:2s", "The normal response, 2 seconds later"),
    ("expire-token", "All access tokens expire"),
];

pub(super) async fn show(extract::State(state): extract::State<State>, Query(asked): Query<Asked>) -> Response {
    reply(StatusCode::OK, page(&state, &asked, None))
}

pub(super) async fn act(extract::State(state): extract::State<State>, sent: Sent) -> Result<Response, Failure> {
    let filled = Filled::read(&state, sent)?;
    let acted = carry_out(&state, &filled);
    answer(filled, acted, |wrong| Ok(page(&state, &Asked::default(), Some(wrong))))
}

fn carry_out(state: &State, filled: &Filled) -> Result<String, Refused> {
    let what = match filled.name() {
        "advance" => {
            let by = parse_duration(filled.get("by"));
            let by = by.ok_or_else(|| Refused::Wrong("by: expected a time such as 90s, 5m, 6h or 1d".to_owned()))?;
            state.environment.advance(by);
            "advanced"
        }
        "break" => {
            let more = filled.get("faults").split(',').map(str::trim).filter(|fault| !fault.is_empty());
            let plan = FaultPlan {
                fault: Some(filled.get("fault").to_owned()),
                faults: more.map(str::to_owned).collect(),
                every: filled.number("every")?,
            };
            state.environment.set_faults(&plan)?;
            "broken"
        }
        "mend" => {
            state.environment.clear_faults();
            "mended"
        }
        _ => return Err(unknown()),
    };
    Ok(done("/", what))
}

fn page(state: &State, asked: &Asked, wrong: Option<&Wrong>) -> Markup {
    let environment = &state.environment;
    let settings = environment.settings();
    let setting = |name: &str| id(settings[name].as_str().unwrap_or_default());
    let requests = environment.requests();
    let calls = |(route, calls): (&String, &u64)| vec![id(route), html! { (number(*calls)) }];
    let total: u64 = requests.iter().filter(|(route, _)| *route != "tokens").map(|(_, calls)| calls).sum();
    let directories = environment.directories();
    let main = html! {
        h1 { "A local Scalekit environment" }
        (notice(asked))
        section.card aria-label="Settings" {
            (facts(vec![
                ("Environment", setting("environment_url")),
                ("Control API", setting("control_url")),
                ("Clock", at(environment.now())),
                ("Calls of the API", html! { (number(total)) }),
                ("Access tokens issued", html! { (number(requests.get("tokens").copied().unwrap_or_default())) }),
                ("Webhooks", html! { a href="/webhooks" { (count(environment.endpoints().len() as u64, "endpoint")) } }),
            ]))
            details.numbers #connect {
                summary { "Connect a program: environment variables, with the secrets of this sandbox" }
                p { "For a shell, from which the program is then started. The secrets are test data, made anew at each start." }
                (block(&program::export_lines(&settings)))
            }
        }
        (section("directories", "Directories", directory_table(&directories)))
        div.panels {
            (fault_section(state, wrong))
            (clock_section(state, wrong))
        }
        (section("calls", "Calls of the API", html! {
            @if requests.is_empty() { (empty("None yet.")) } @else {
                (table("Calls of the API, by method and route", &["Call", "#Times"], requests.iter().map(calls).collect()))
            }
        }))
    };
    Frame { title: OVERVIEW, above: Vec::new(), query: "" }.around(main)
}

fn directory_table(directories: &[DirectoryView]) -> Markup {
    if directories.is_empty() {
        return empty("The sandbox has no directories: start it with --organizations and --directories.");
    }
    let row = |directory: &DirectoryView| {
        vec![
            html! {
                a href=(path(&["directories", &directory.id])) { (name(&title(directory))) }
                div.under { (id(&directory.id)) }
            },
            state_badge(directory),
            id(&directory.organization_id),
            html! { (number(directory.users as u64)) },
            html! { (number(directory.groups as u64)) },
        ]
    };
    let columns = ["Directory", "State", "Organization", "#Users", "#Groups"];
    table("Directories", &columns, directories.iter().map(row).collect())
}

/// Returns the name of a directory: that of its organization, and its provider.
pub(super) fn title(directory: &DirectoryView) -> String {
    format!("{}, {}", directory.organization_name, directory.provider)
}

/// Returns whether a directory is enabled.
pub(super) fn state_badge(directory: &DirectoryView) -> Markup {
    if directory.enabled { badge(Tone::Good, "Enabled") } else { badge(Tone::Warning, "Disabled") }
}

fn fault_section(state: &State, wrong: Option<&Wrong>) -> Markup {
    let plan = state.environment.fault_plan();
    let blank = |name| Blank { path: "/", name, csrf: &state.csrf, wrong };
    let form = blank("break");
    let fields = html! {
        (form.choice("fault", "What happens", &FAULTS))
        (form.text("faults", "Then, in turn (optional)", "", false, "Faults with commas between them, such as 429:5, latency:500ms, reset."))
        (form.text("every", "To every n-th call", "1", true, "1 means every call. Token requests do not fail."))
    };
    section(
        "fault",
        "Break the API",
        html! {
            @if plan.faults.is_empty() {
                p.lead { (badge(Tone::Good, "Works")) " No call fails." }
            } @else {
                div.alert.warning {
                    p {
                        strong { "Broken." } " "
                        @if plan.every == 1 { "Every call has a fault: " } @else { "One of " (number(plan.every)) " calls has a fault: " }
                        code { (plan.faults.join(", ")) } ". " (count(plan.calls, "call")) " so far."
                    }
                    (blank("mend").form(html! {}, Button::Plain, &html! { "End the faults" }))
                }
            }
            (form.form(fields, Button::Main, &html! { "Break the API" }))
        },
    )
}

fn clock_section(state: &State, wrong: Option<&Wrong>) -> Markup {
    let form = Blank { path: "/", name: "advance", csrf: &state.csrf, wrong };
    let fields = form.text("by", "By", "6h", true, "Such as 90s, 5m, 6h or 1d.");
    section(
        "clock",
        "Advance the clock",
        html! {
            p.lead { "Access tokens may expire, and webhooks and their repetitions may become due. The clock cannot be set back." }
            (form.form(fields, Button::Main, &html! { "Advance the clock" }))
        },
    )
}

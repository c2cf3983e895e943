//! A hold: who would lose access, and the form for the decision.

use super::failure::Failure;
use super::frame::Frame;
use super::link;
use super::parts::{Paging, Tone, badge, empty, facts, list, page_of, pager, section, user_table};
use super::reply::reply;
use super::text::{count, id, name, number, time, words};
use super::viewer::{State, Viewer};
use axum::extract;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Query};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use headcount::mirror::{Approval, Hold, HoldReason};
use headcount::{ErrorKind, Mirror};
use maud::{Markup, html};
use serde::Deserialize;

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Decision {
    #[serde(default)]
    csrf: String,
    /// `approve` or `dismiss`.
    #[serde(default)]
    decision: String,
    #[serde(default)]
    by: String,
    #[serde(default)]
    note: String,
}

pub(super) async fn show(
    viewer: Viewer,
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Response, Failure> {
    page(&viewer, &state.mirror, &id, paging.page(), None).await
}

/// Carries out a decision, and redirects to the page of the hold, which then says what was decided. If the form is filled in wrongly, shows it again with the error.
pub(super) async fn decide(
    viewer: Viewer,
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    form: Result<Form<Decision>, FormRejection>,
) -> Result<Response, Failure> {
    let Ok(Form(form)) = form else {
        return Err(Failure::invalid("The form could not be read. Go back, reload the page, and send the form again."));
    };
    viewer.check_form(&form.csrf)?;
    // Browsers send line breaks of a text area as CR LF.
    let (by, note) = (form.by.trim(), form.note.replace("\r\n", "\n"));
    let decided = match form.decision.as_str() {
        "approve" => state.mirror.approve(&id, by, note.trim()).await,
        "dismiss" => state.mirror.dismiss(&id, by, note.trim()).await,
        _ => {
            return page(
                &viewer,
                &state.mirror,
                &id,
                1,
                Some((&form, "Choose whether to approve or to dismiss the hold.")),
            )
            .await;
        }
    };
    match decided {
        Ok(_) => {
            let target = HeaderValue::try_from(link::path(&["holds", &id]) + "#decided");
            let target = target.unwrap_or_else(|_| HeaderValue::from_static("/"));
            Ok((StatusCode::SEE_OTHER, [(header::LOCATION, target)]).into_response())
        }
        Err(error) if error.kind() == ErrorKind::InvalidArgument => {
            page(&viewer, &state.mirror, &id, 1, Some((&form, error.message()))).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes the page of a hold. `wrong` is a form that was filled in wrongly, and why.
async fn page(
    viewer: &Viewer,
    mirror: &Mirror,
    hold_id: &str,
    page: usize,
    wrong: Option<(&Decision, &str)>,
) -> Result<Response, Failure> {
    let status = mirror.status().await?;
    let open = |is_wanted: &dyn Fn(&Hold) -> bool| {
        status.iter().find_map(|status| status.holds.iter().find(|hold| is_wanted(hold)).map(|hold| (hold, status)))
    };
    let found = open(&|hold| hold.id == hold_id);
    let newer = open(&|hold| hold.id != hold_id && of(&hold.id) == of(hold_id)).map(|(hold, _)| hold);
    let decisions: Vec<Approval> =
        mirror.approvals(None).await?.into_iter().filter(|approval| approval.hold_id == hold_id).collect();
    let settled = decisions.last();
    if found.is_none() && newer.is_none() && settled.is_none() {
        return Err(Failure::not_found(
            "No hold has this id: it was decided about or is over, and its record is no longer kept.",
        ));
    }
    let reason = found
        .map(|(hold, _)| hold.reason)
        .or(newer.map(|hold| hold.reason))
        .or(settled.map(|approval| approval.reason));
    let title = reason.map(|reason| words(reason.name())).unwrap_or_default();
    let (users, has_more) = page_of(mirror.hold_users(hold_id)?, page).await?;
    let main = html! {
        div.head {
            h1 { (title) }
            p.badges {
                @if found.is_some() { (badge(Tone::Warning, "Open hold")) } @else { (badge(Tone::Quiet, "Hold")) }
            }
        }
        @if let Some(approval) = settled { (decision(approval)) }
        @if let Some(newer) = newer {
            p.alert.info { "Users were added to the hold since. It now names " (count(newer.count, "user")) ": " (link::hold(&newer.id)) }
        }
        @if let Some(reason) = reason.filter(|_| found.is_some() || newer.is_some()) { p.lead { (explanation(reason)) } }
        @if let Some(approval) = settled.filter(|_| found.is_none()) {
            (facts(vec![("Hold", id(hold_id)), ("Directory", link::directory(&approval.directory_id, ""))]))
        }
        @if let Some((hold, status)) = found {
            (facts(vec![
                ("Hold", id(&hold.id)),
                ("Users", html! { (number(hold.count)) }),
                ("Permitted without approval", html! { (number(hold.limit)) }),
                ("Directory", link::directory(&hold.directory_id, &status.directory.name)),
                ("Since", time(Some(hold.since))),
                ("Causes", list(hold.causes.iter().map(|text| place(text, &hold.directory_id)))),
            ]))
            @if !hold.reason.is_of_directory() && viewer.may_write { (form(viewer, hold, wrong)) }
            @else if !hold.reason.is_of_directory() {
                p.alert.info { "You may read, but not decide: that takes a token that may write." }
            }
        }
        @if reason.is_some_and(|reason| !reason.is_of_directory()) && (found.is_some() || !users.is_empty()) {
            (section("users", "Who would lose access", html! {
                @if users.is_empty() { (empty("Nobody: the users returned.")) } @else { (user_table("Users that the hold names", &users)) }
                (pager(&link::path(&["holds", hold_id]), page, has_more))
            }))
        }
    };
    let mut frame = Frame::new(viewer, &title);
    if let Some((hold, status)) = found {
        let directory = &status.directory;
        frame.above.push((
            super::text::title(&directory.name, &hold.directory_id),
            link::path(&["directories", &hold.directory_id]),
        ));
    }
    let code = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(reply(code, frame.around(main)))
}

/// Returns what the ids of a hold have in common: its number. The second number of an id changes when users are added.
fn of(hold_id: &str) -> &str {
    hold_id.rsplit_once('_').map_or(hold_id, |(hold, _)| hold)
}

/// Says what was decided, by whom and why.
fn decision(approval: &Approval) -> Markup {
    let (tone, what) = if approval.is_approved { ("good", "Approved") } else { ("info", "Dismissed") };
    html! {
        div #decided.alert.(tone) role="status" tabindex="-1" {
            p {
                strong { (what) } " by " (name(&approval.by)) ", " (time(Some(approval.at))) ". "
                (count(approval.count, "user"))
                @if approval.is_approved { " lost access." } @else { " kept access." }
            }
            @if !approval.note.is_empty() { blockquote { (name(&approval.note)) } }
        }
    }
}

fn form(viewer: &Viewer, hold: &Hold, wrong: Option<(&Decision, &str)>) -> Markup {
    let (given, error) = wrong.map_or((None, None), |(form, error)| (Some(form), Some(error)));
    let chosen = |decision: &str| given.is_some_and(|form| form.decision == decision);
    let users = count(hold.count, "user");
    section(
        "decision",
        "Decide",
        html! {
            @if let Some(error) = error {
                p #wrong.alert.bad role="alert" { strong { "Not decided." } " " (crate::text::clean(error)) }
            }
            form.stack method="post" action=(link::path(&["holds", &hold.id])) {
                input type="hidden" name="csrf" value=(viewer.csrf);
                fieldset {
                    legend { "Decision" }
                    div.choice {
                        input #approve type="radio" name="decision" value="approve" required checked[chosen("approve")] aria-describedby="approves";
                        label for="approve" { "Approve" }
                        p #approves { (users) " will lose access at once." }
                    }
                    div.choice {
                        input #dismiss type="radio" name="decision" value="dismiss" required checked[chosen("dismiss")] aria-describedby="dismisses";
                        label for="dismiss" { "Dismiss" }
                        p #dismisses { (users) " will keep access, until a later listing or event changes or removes them." }
                    }
                }
                div.field {
                    label for="by" { "Your name" }
                    input #by type="text" name="by" required maxlength="200" autocomplete="name" value=(given.map_or("", |form| &form.by)) aria-describedby=[error.map(|_| "wrong")];
                }
                div.field {
                    label for="note" { "Note" span.under { " (optional)" } }
                    textarea #note name="note" rows="3" maxlength="2000" { (given.map_or("", |form| &form.note)) }
                }
                button.main type="submit" { "Record the decision" }
            }
        },
    )
}

/// Says why a hold of this reason was made.
fn explanation(reason: HoldReason) -> &'static str {
    match reason {
        HoldReason::MassRemoval => {
            "A full listing lacks more users than may be removed without an approval. They keep access until somebody decides."
        }
        HoldReason::EmptyListing => {
            "The listing was empty, although several users are mirrored. They keep access until somebody decides."
        }
        HoldReason::DirectoryDisabled => {
            "The directory is disabled. Its users keep access: enable the directory, or retire it with headcount retire."
        }
        HoldReason::DirectoryNotFound => {
            "The API does not list the directory. Its users keep access: if it is no longer used, retire it with headcount retire."
        }
        HoldReason::DeletionBurst => {
            "Events delete more users than may be removed without an approval. They keep access until somebody decides."
        }
        HoldReason::MassDeactivation => {
            "More users would be deactivated than is permitted without an approval. They keep access until somebody decides."
        }
        HoldReason::RoleLoss => {
            "More users would lose all their roles than is permitted without an approval. They keep them until somebody decides."
        }
        HoldReason::ProtectedUsers => {
            "Users whom the application protects would lose access. They keep it until somebody decides."
        }
        _ => "These users keep access until somebody decides.",
    }
}

/// Returns a cause of a hold with a link to it, if it has a page.
fn place(cause: &str, directory_id: &str) -> Markup {
    match cause.split_once(':') {
        Some(("sync", run)) => link::sync(directory_id, run),
        Some((what, subject)) => html! { (words(what)) " " (id(subject)) },
        None => id(cause),
    }
}

/// Says what made a change whose record is not at hand.
pub(super) fn cause(cause: &str) -> Markup {
    match cause.split_once(':') {
        Some(("retire", of)) => html! { "By the retirement " (id(of)) },
        Some((what, of)) => html! { "By the " (what) " " (id(of)) },
        None if cause == "roles" => html! { "By a new role map" },
        None => html! { "By " (cause) },
    }
}

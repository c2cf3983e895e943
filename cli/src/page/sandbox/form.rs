//! Forms: what they send, how a wrong one is shown again, and their fields.

use super::state::State;
use crate::page::failure::Failure;
use crate::page::reply::reply;
use crate::text::clean;
use axum::extract::Form;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use headcount_sandbox::Error;
use maud::{Markup, html};
use serde::Deserialize;

/// The body of a form.
pub(super) type Sent = Result<Form<Vec<(String, String)>>, FormRejection>;

/// What a form has sent: the names and values of its fields.
#[derive(Default)]
pub(super) struct Filled(Vec<(String, String)>);

impl Filled {
    /// Reads a form that a page of this process made.
    ///
    /// # Errors
    ///
    /// 400 if it is not one, 403 if another site made it.
    pub(super) fn read(state: &State, sent: Sent) -> Result<Filled, Failure> {
        let Ok(Form(fields)) = sent else {
            return Err(Failure::invalid(
                "The form could not be read. Go back, reload the page, and send the form again.",
            ));
        };
        let filled = Filled(fields);
        state.check(filled.get("csrf"))?;
        Ok(filled)
    }

    /// Returns the value of a field without spaces around it; empty if it was not sent.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value.trim())
    }

    /// Returns the values of all fields of this name.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(other, _)| other == name).map(|(_, value)| value.clone()).collect()
    }

    /// Returns the name of the form.
    pub(super) fn name(&self) -> &str {
        self.get("do")
    }

    /// Reads a whole number that is at least 1.
    ///
    /// # Errors
    ///
    /// An error that names the field.
    pub(super) fn number(&self, name: &str) -> Result<u32, Refused> {
        let number = self.get(name).parse().ok().filter(|number| *number > 0);
        number.ok_or_else(|| Refused::Wrong(format!("{name}: expected a whole number, 1 or more")))
    }
}

/// Why a form had no effect.
pub(super) enum Refused {
    /// A value is wrong: the form is shown again with this text, which may begin with the name of a field.
    Wrong(String),
    /// There is nothing to show the form with.
    Failure(Failure),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Refused {
        match error.status() {
            404 => Refused::Failure(missing(&error)),
            _ => Refused::Wrong(error.to_string()),
        }
    }
}

/// Makes the page of an error of the sandbox about something that does not exist.
pub(super) fn missing(error: &Error) -> Failure {
    Failure::not_found(format!("The sandbox says: {error}."))
}

/// A form that was filled in wrongly, and why.
pub(super) struct Wrong {
    pub(super) filled: Filled,
    pub(super) text: String,
}

/// Returns the answer to a form: a redirect to `Ok`'s address, the page of an error, or what `again` makes, which shows the form again.
pub(super) fn answer(
    filled: Filled,
    acted: Result<String, Refused>,
    again: impl FnOnce(&Wrong) -> Result<Markup, Failure>,
) -> Result<Response, Failure> {
    match acted {
        Ok(target) => {
            let target = HeaderValue::try_from(target).unwrap_or_else(|_| HeaderValue::from_static("/"));
            Ok((StatusCode::SEE_OTHER, [(header::LOCATION, target)]).into_response())
        }
        Err(Refused::Failure(failure)) => Err(failure),
        Err(Refused::Wrong(text)) => {
            let wrong = Wrong { filled, text };
            Ok(reply(StatusCode::UNPROCESSABLE_ENTITY, again(&wrong)?))
        }
    }
}

/// Returns the address of a page that says what a form has done. The page knows the texts, so that an address cannot make it say something else.
pub(super) fn done(path: &str, what: &str) -> String {
    format!("{path}?done={what}#done")
}

/// Returns the error of a form that the page does not have.
pub(super) fn unknown() -> Refused {
    Refused::Failure(Failure::invalid("The page has no such form. Go back, reload the page, and send the form again."))
}

/// What the query of a page's address may have. What is not understood is ignored.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// What a form has done.
    #[serde(default)]
    pub(super) done: String,
    /// What is searched for.
    #[serde(default)]
    pub(super) q: String,
}

/// Says what a form has done.
pub(super) fn notice(asked: &Asked) -> Markup {
    let text = match asked.done.as_str() {
        "advanced" => "The clock was moved forward.",
        "broken" => "The API fails from now on.",
        "mended" => "The API works again.",
        "hired" => "The user was created.",
        "changed" => "The user was changed.",
        "moved" => "The groups of the user were changed.",
        "deactivated" => "The user may not sign in any more.",
        "reactivated" => "The user may sign in again.",
        "fired" => "The user was deleted.",
        "left" => "The users were deleted.",
        "enabled" => "The directory was enabled.",
        "disabled" => "The directory was disabled.",
        "grouped" => "The group was created.",
        "renamed" => "The group was renamed.",
        "dissolved" => "The group was deleted.",
        "registered" => "The endpoint was registered.",
        "removed" => "The endpoint was removed.",
        "slowed" => "Later webhooks are delayed.",
        "hastened" => "Later webhooks are sent at once.",
        "sent" => "The webhook is sent again.",
        _ => return html! {},
    };
    html! { p #done.alert.good role="status" tabindex="-1" { (text) } }
}

/// A form on a page.
pub(super) struct Blank<'a> {
    /// The path of the page.
    pub(super) path: &'a str,
    /// The name of the form, which tells the forms of a page apart.
    pub(super) name: &'static str,
    pub(super) csrf: &'a str,
    /// The form of this page that was filled in wrongly, which may be another one.
    pub(super) wrong: Option<&'a Wrong>,
}

/// Whether a button does what cannot be undone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Button {
    Main,
    Plain,
    Danger,
}

impl Blank<'_> {
    fn wrong(&self) -> Option<&Wrong> {
        self.wrong.filter(|wrong| wrong.filled.name() == self.name)
    }

    /// Puts fields into the form, with a button below them.
    pub(super) fn form(&self, fields: Markup, button: Button, label: &Markup) -> Markup {
        let class = match button {
            Button::Main => "main",
            Button::Plain => "quiet",
            Button::Danger => "danger",
        };
        html! {
            form.stack method="post" action=(self.path) {
                @if let Some(wrong) = self.wrong() {
                    p #wrong.alert.bad role="alert" tabindex="-1" { strong { "Nothing was changed." } " " (clean(&wrong.text)) }
                }
                input type="hidden" name="csrf" value=(self.csrf);
                input type="hidden" name="do" value=(self.name);
                (fields)
                button.(class) type="submit" { (label) }
            }
        }
    }

    /// Returns what a field shows: what was entered, if the form was filled in wrongly.
    fn value<'v>(&'v self, name: &str, default: &'v str) -> &'v str {
        self.wrong().map_or(default, |wrong| wrong.filled.get(name))
    }

    fn is_wrong(&self, name: &str) -> bool {
        self.wrong().is_some_and(|wrong| wrong.text.split(':').next() == Some(name))
    }

    /// Returns a field for a line of text. `hint` is below it, and may be empty.
    pub(super) fn text(&self, name: &str, label: &str, default: &str, is_required: bool, hint: &str) -> Markup {
        let id = format!("{}-{name}", self.name);
        let hint_id = (!hint.is_empty()).then(|| format!("{id}-hint"));
        let described = match (self.is_wrong(name), &hint_id) {
            (true, Some(hint)) => Some(format!("wrong {hint}")),
            (true, None) => Some("wrong".to_owned()),
            (false, hint) => hint.clone(),
        };
        html! {
            div.field {
                label for=(id) { (label) }
                input id=(id) type="text" name=(name) value=(self.value(name, default)) required[is_required] maxlength="2000" autocomplete="off" spellcheck="false"
                    aria-invalid=[self.is_wrong(name).then_some("true")] aria-describedby=[described];
                @if let Some(hint_id) = hint_id { p.under id=(hint_id) { (hint) } }
            }
        }
    }

    /// Returns a field with a choice of texts, each with its description.
    pub(super) fn choice(&self, name: &str, label: &str, choices: &[(&str, &str)]) -> Markup {
        let id = format!("{}-{name}", self.name);
        let chosen = self.value(name, choices.first().map_or("", |(value, _)| value));
        html! {
            div.field {
                label for=(id) { (label) }
                select id=(id) name=(name) aria-invalid=[self.is_wrong(name).then_some("true")] {
                    @for (value, text) in choices { option value=(value) selected[*value == chosen] { (text) } }
                }
            }
        }
    }
}

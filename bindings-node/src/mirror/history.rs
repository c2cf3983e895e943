//! The history, and the users at a past time.

use super::options::{HistoryFilter, PastFilter};
use super::pages::SharedPages;
use super::view::NativeMirrorUsers;
use super::{NativeMirror, OptionalCancel};
use crate::errors::thrown;
use crate::json::Json;
use crate::options::read;
use headcount::Error;
use headcount::mirror::History;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;

#[napi_derive::napi]
impl NativeMirror {
    /// Returns an iterator over the pages of the history.
    #[napi]
    pub fn history_pages(&self, filter: String) -> napi::Result<NativeHistory> {
        let history = self.mirror().and_then(|mirror| {
            let HistoryFilter { user_id, group_id, organization_id, since, until, .. } = read(&filter)?;
            let history = mirror.history().user(user_id.as_deref()).group(group_id.as_deref());
            let history = history.organization(organization_id.as_deref());
            Ok(history.since(since.map(|since| since.0)).until(until.map(|until| until.0)))
        });
        history.map(|history| NativeHistory(SharedPages::new(history))).map_err(thrown)
    }

    /// Returns an iterator over the pages of an organization's users at the time `moment` of the filter.
    #[napi]
    pub fn past_user_pages(&self, organization_id: String, filter: String) -> napi::Result<NativeMirrorUsers> {
        let users = self.mirror().and_then(|mirror| {
            let PastFilter { moment, directory_id, group_id, role, .. } = read(&filter)?;
            let moment = moment.ok_or_else(|| {
                Error::invalid_argument(
                    "expected a moment, got none: pass a Date, RFC 3339 text, a date or milliseconds",
                )
            })?;
            let users = mirror.at(moment.0, &organization_id).directory(directory_id.as_deref());
            Ok(users.group(group_id.as_deref()).role(role.as_deref()))
        });
        users.map(|users| NativeMirrorUsers(SharedPages::new(users))).map_err(thrown)
    }
}

/// An iterator over pages of the history.
#[napi_derive::napi]
pub struct NativeHistory(SharedPages<History>);

#[napi_derive::napi]
impl NativeHistory {
    /// Resolves to the next page's entries, or null after the last page.
    #[napi]
    pub fn next<'env>(
        &self,
        env: &'env Env,
        cancel: OptionalCancel<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<Json>>> {
        self.0.next(env, cancel)
    }
}

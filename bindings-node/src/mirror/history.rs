//! The history, and the users at a past time.

use super::options::{HistoryFilter, PastFilter};
use super::view::NativeMirrorUsers;
use super::{NativeMirror, OptionalCancel};
use crate::calls::promise;
use crate::errors::thrown;
use crate::json::{self, Json};
use crate::options::read;
use headcount::Error;
use headcount::mirror::History;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi::tokio::sync::Mutex;
use std::sync::Arc;

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
        history.map(|history| NativeHistory(Arc::new(Mutex::new(Some(history))))).map_err(thrown)
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
        users.map(|users| NativeMirrorUsers(Arc::new(Mutex::new(Some(users))))).map_err(thrown)
    }
}

/// An iterator over pages of the history; `None` after the last page.
#[napi_derive::napi]
pub struct NativeHistory(Arc<Mutex<Option<History>>>);

#[napi_derive::napi]
impl NativeHistory {
    /// Resolves to the next page's entries, or null after the last page.
    #[napi]
    pub fn next<'env>(
        &self,
        env: &'env Env,
        cancel: OptionalCancel<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<Json>>> {
        let history = self.0.clone();
        promise(env, cancel, async move {
            let mut history = history.lock().await;
            let page = match history.as_mut() {
                Some(history) => history.next_page().await?,
                None => Vec::new(),
            };
            if page.is_empty() {
                // Releases the store as soon as all entries are read, not when the iterator is garbage-collected.
                *history = None;
                return Ok(None);
            }
            json::text(&page).map(Some)
        })
    }
}

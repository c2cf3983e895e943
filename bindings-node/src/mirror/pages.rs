//! Iterators over pages.

use super::OptionalCancel;
use crate::calls::promise;
use crate::json::{self, Json};
use headcount::Result;
use headcount::mirror::{Export, History, MirrorUsers};
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi::tokio::sync::Mutex;
use serde::Serialize;
use std::future::Future;
use std::sync::Arc;

/// What is read page by page.
pub(super) trait Pages: Send + 'static {
    type Item: Serialize + Send;

    /// Returns the next page; an empty one after the last.
    fn next_page(&mut self) -> impl Future<Output = Result<Vec<Self::Item>>> + Send;
}

impl Pages for MirrorUsers {
    type Item = headcount::MirrorUser;

    async fn next_page(&mut self) -> Result<Vec<headcount::MirrorUser>> {
        MirrorUsers::next_page(self).await
    }
}

impl Pages for History {
    type Item = headcount::mirror::HistoryEntry;

    async fn next_page(&mut self) -> Result<Vec<headcount::mirror::HistoryEntry>> {
        History::next_page(self).await
    }
}

impl Pages for Export {
    type Item = String;

    async fn next_page(&mut self) -> Result<Vec<String>> {
        Ok(self.next().await?.into_iter().collect())
    }
}

/// Pages that several calls may read; `None` after the last one.
pub(super) struct SharedPages<P>(Arc<Mutex<Option<P>>>);

impl<P: Pages> SharedPages<P> {
    pub(super) fn new(pages: P) -> SharedPages<P> {
        SharedPages(Arc::new(Mutex::new(Some(pages))))
    }

    /// Resolves to the next page as JSON, or null after the last page.
    pub(super) fn next<'env>(
        &self,
        env: &'env Env,
        cancel: OptionalCancel<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<Json>>> {
        let pages = Arc::clone(&self.0);
        promise(env, cancel, async move {
            let mut pages = pages.lock().await;
            let page = match pages.as_mut() {
                Some(pages) => pages.next_page().await?,
                None => Vec::new(),
            };
            if page.is_empty() {
                // Releases the store as soon as everything is read, not when the iterator is garbage-collected.
                *pages = None;
                return Ok(None);
            }
            json::text(&page).map(Some)
        })
    }
}

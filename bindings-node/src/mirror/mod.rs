//! The mirror. Asynchronous calls return a promise of JSON and run on the addon's runtime thread; the store has threads of its own.
//!
//! This module opens and closes the mirror, syncs it, applies webhooks and stores account ids; `plan` has plans, `view` the calls that read it, `holds` those about
//! holds and retirements, `explain` explains a user's access, `settings` those about roles, settings and copies, `keeping` those about backups, `feed` those of consumers.

mod explain;
mod export;
mod feed;
mod history;
mod holds;
mod keeping;
mod options;
mod pages;
mod plan;
mod runs;
mod settings;
mod view;

use crate::calls::{Cancel, promise};
use crate::client::NativeClient;
use crate::errors::thrown;
use crate::json::{self, Json};
use crate::observe::ProgressCallback;
use crate::options::read;
use crate::webhook::{self, FlatHeaders, moment};
use headcount::client::CallOptions;
use headcount::internal::catch_panic;
use headcount::mirror::Progress;
use headcount::{Error, Event, Mirror, Result, Webhook};
use headcount_cli::ProgressDisplay;
use napi::Env;
use napi::bindgen_prelude::{ClassInstance, Function, PromiseRaw, block_on};
use options::{MirrorOptions, SyncOptions};
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

/// An open mirror, and its verifier of webhooks, if secrets were passed when it was opened.
#[napi_derive::napi]
pub struct NativeMirror(Arc<RwLock<State>>, Option<Webhook>);

struct State {
    /// `None` after `close`.
    open: Option<Mirror>,
    /// The mirror between the calls of `close` and `closed`.
    closing: Option<Mirror>,
}

impl State {
    fn close(&mut self) {
        if let Some(mirror) = self.open.take() {
            mirror.end_waits();
            self.closing = Some(mirror);
        }
    }
}

type Promise<'env> = napi::Result<PromiseRaw<'env, Json>>;
type OptionalCancel<'a> = Option<ClassInstance<'a, Cancel>>;

impl NativeMirror {
    fn mirror(&self) -> Result<Mirror> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        state.open.clone().ok_or_else(|| Error::invalid_argument("the mirror is closed: open another one"))
    }

    /// Returns a promise of the result of `call`, which gets the mirror.
    fn call<'env, F>(
        &self,
        env: &'env Env,
        cancel: OptionalCancel<'_>,
        call: impl FnOnce(Mirror) -> F + Send + 'static,
    ) -> Promise<'env>
    where
        F: Future<Output = Result<Json>> + Send,
    {
        let mirror = self.mirror();
        promise(env, cancel, async move { call(mirror?).await })
    }
}

#[napi_derive::napi]
impl NativeMirror {
    /// Opens the mirror at `path`, a file or the URL of a database, with the secrets that verify webhooks. Blocks while the store is opened.
    #[napi(constructor)]
    pub fn new(
        env: Env,
        path: String,
        client: Option<ClassInstance<'_, NativeClient>>,
        secrets: Option<Vec<String>>,
        options: String,
    ) -> napi::Result<NativeMirror> {
        catch_panic(|| {
            let mut settings = read::<MirrorOptions>(&options)?.builder()?;
            if let Some(client) = client {
                settings = settings.client(client.client(Ok(CallOptions::new()))?);
            }
            let webhook = secrets.map(|secrets| webhook::settings(Some(&secrets), "{}")?.build()).transpose()?;
            let mirror = block_on(settings.open(path))?;
            Ok((State { open: Some(mirror), closing: None }, webhook))
        })
        .map_err(thrown)
        .and_then(|(state, webhook)| {
            // A worker thread that is terminated does not call `close`: without this hook, its syncs would go on.
            let state = Arc::new(RwLock::new(state));
            env.add_env_cleanup_hook(Arc::downgrade(&state), |state| {
                if let Some(state) = state.upgrade() {
                    let mut state = state.write().unwrap_or_else(PoisonError::into_inner);
                    state.close();
                    if let Some(mirror) = state.closing.take() {
                        // If no call is running, this waits until the file is closed: the process may end after this hook.
                        let _ = block_on(mirror.release());
                    }
                }
            })?;
            Ok(NativeMirror(state, webhook))
        })
    }

    /// Returns the id of the mirror's store; null if the mirror is closed, or if the store has no id and may only be read.
    #[napi]
    pub fn id(&self) -> Option<String> {
        self.mirror().ok()?.id().map(str::to_owned)
    }

    /// Ends waits and syncs; other running calls continue. Later calls fail.
    #[napi]
    pub fn close(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).close();
    }

    /// Releases the mirror after `close`. Resolves when the file is closed, or at once if a running call or an iterator keeps the file open.
    #[napi]
    pub fn closed<'env>(&self, env: &'env Env) -> Promise<'env> {
        let mirror = self.0.write().unwrap_or_else(PoisonError::into_inner).closing.take();
        promise(env, None, async move {
            if let Some(mirror) = mirror {
                mirror.release().await?;
            }
            json::text(&())
        })
    }

    /// Syncs one directory, one organization, or without an organization id all of them. Resolves to a list of `SyncReport`s.
    #[napi]
    pub fn sync<'env>(
        &self,
        env: &'env Env,
        organization_id: Option<String>,
        directory_id: Option<String>,
        options: String,
        on_progress: Option<Function<'_, String, ()>>,
        cancel: OptionalCancel<'_>,
    ) -> Promise<'env> {
        let on_progress = on_progress.as_ref().map(ProgressCallback::new).transpose()?;
        self.call(env, cancel, move |mirror| async move {
            let sync = match organization_id {
                Some(id) => mirror.sync(&id).directory(directory_id.as_deref()),
                None => mirror.sync_all(),
            };
            let options = read::<SyncOptions>(&options)?;
            let display = options.shows_progress().then(ProgressDisplay::on_stderr);
            let mut sync = options.apply(sync)?;
            if display.is_some() || on_progress.is_some() {
                sync = sync.on_progress(move |progress: &Progress| {
                    if let Some(display) = &display {
                        display.show(progress);
                    }
                    if let Some(callback) = &on_progress {
                        callback.call(progress);
                    }
                });
            }
            json::text(&sync.await?)
        })
    }

    /// Verifies, stores and applies a webhook. Resolves to the name of its outcome.
    ///
    /// If the mirror was opened without secrets, they are read from `variables`, environment variables as JSON. The request's timestamp is compared
    /// with `now`, in Unix seconds, or else with the current time.
    #[napi]
    pub fn receive<'env>(
        &self,
        env: &'env Env,
        headers: Vec<String>,
        body: &[u8],
        now: Option<f64>,
        variables: String,
    ) -> Promise<'env> {
        let (headers, body) = (FlatHeaders(headers), body.to_vec());
        let webhook = self.1.clone();
        self.call(env, None, move |mirror| async move {
            let webhook = webhook.map_or_else(|| webhook::settings(None, &variables)?.build(), Ok)?;
            let event = match moment(now)? {
                Some(now) => webhook.verify_at(&headers.bytes(), &body, now)?,
                None => webhook.verify(&headers.bytes(), &body)?,
            };
            json::text(&mirror.apply(&event).await?)
        })
    }

    /// Applies an event that was verified before, given as the vendor's JSON. Resolves to the name of its outcome.
    #[napi]
    pub fn apply<'env>(&self, env: &'env Env, event: String, message_id: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            let event = Event::from_verified_message(event.as_bytes(), &message_id)?;
            json::text(&mirror.apply(&event).await?)
        })
    }

    /// Stores the application's account id of a user, or removes it if `account_id` is `None`.
    #[napi]
    pub fn link<'env>(&self, env: &'env Env, user_id: String, account_id: Option<String>) -> Promise<'env> {
        self.call(
            env,
            None,
            move |mirror| async move { json::text(&mirror.link(&user_id, account_id.as_deref()).await?) },
        )
    }

    /// Protects a user from losing access without an approval.
    #[napi]
    pub fn protect<'env>(&self, env: &'env Env, user_id: String, reason: String) -> Promise<'env> {
        self.call(env, None, |mirror| async move { json::text(&mirror.protect(&user_id, &reason).await?) })
    }

    /// Ends the protection of a user.
    #[napi]
    pub fn unprotect<'env>(&self, env: &'env Env, user_id: String) -> Promise<'env> {
        self.call(env, None, |mirror| async move { json::text(&mirror.unprotect(&user_id).await?) })
    }

    /// Deletes rows that are older than their retention.
    #[napi]
    pub fn trim<'env>(&self, env: &'env Env) -> Promise<'env> {
        self.call(env, None, |mirror| async move { json::text(&mirror.trim().await?) })
    }
}

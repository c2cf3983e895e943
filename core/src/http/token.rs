//! The access token: fetched on first use by one request, however many callers wait, and renewed in the background while the old one
//! is still valid.

use super::answer;
use super::call::Label;
use super::observe::{Activity, ActivityKind, count};
use super::settings::Account;
use super::transport::{Attempt, Bounds, Failed, Transport};
use crate::task::carried;
use crate::{Error, ErrorKind, ErrorStatus, Result, Secret};
use http::HeaderValue;
use serde::Deserialize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Lifetime of a token whose answer does not state one.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// Longest lifetime that is accepted. It keeps the arithmetic with `Instant` in range; no token needs to be valid longer.
const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// How long before its end a token is renewed; a tenth of its lifetime if that is shorter.
const RENEWAL_MARGIN: Duration = Duration::from_secs(60);
/// How long before its end a token is no longer sent, since it could expire before it arrives; a hundredth of its lifetime if that is shorter.
const TRANSIT_MARGIN: Duration = Duration::from_secs(2);
/// Wait after a failed background renewal before the next one.
const RENEWAL_PAUSE: Duration = Duration::from_secs(5);

/// An access token as a header value, and its times of renewal and expiry.
pub(super) struct Token {
    pub(super) header: HeaderValue,
    renew_at: Instant,
    ends_at: Instant,
}

/// The answer to a token request (RFC 6749, 5.1).
#[derive(Deserialize)]
struct Grant {
    access_token: Secret,
    #[serde(default)]
    expires_in: Option<f64>,
}

/// The token of one client, and the renewal that may be in progress.
pub(super) struct Tokens {
    account: Account,
    transport: Arc<Transport>,
    current: RwLock<Option<Arc<Token>>>,
    renewals: Arc<tokio::sync::Mutex<Renewals>>,
    /// Number of renewals that have ended, with a token or an error.
    finished: AtomicU64,
    background: Mutex<Option<AbortHandle>>,
}

/// The results of earlier renewals. Only the holder of its lock renews the token.
#[derive(Default)]
struct Renewals {
    last_error: Option<Error>,
    /// Earliest time of the next background renewal.
    not_before: Option<Instant>,
}

impl Tokens {
    pub(super) fn new(account: Account, transport: Arc<Transport>) -> Tokens {
        Tokens {
            account,
            transport,
            current: RwLock::default(),
            renewals: Arc::default(),
            finished: AtomicU64::default(),
            background: Mutex::default(),
        }
    }

    /// Returns the current token, or fetches one. Callers that come while the first token is being fetched wait for that request; callers
    /// that come while a valid token is being renewed get the valid one.
    ///
    /// If a caller drops this future during the request, the request is cancelled and the next waiting caller makes one.
    pub(super) async fn get(this: &Arc<Tokens>, deadline: Instant) -> Result<Arc<Token>> {
        if let Some(token) = this.valid() {
            if Instant::now() >= token.renew_at {
                Tokens::renew_in_background(this);
            }
            return Ok(token);
        }
        let finished = this.finished.load(Ordering::Acquire);
        let mut renewals = this.renewals.lock().await;
        if let Some(token) = this.valid() {
            return Ok(token);
        }
        // The request that this caller waited for has failed, so another one would fail as well. A token request that timed out because
        // of its caller's deadline does not count as failed.
        if this.finished.load(Ordering::Acquire) != finished
            && let Some(error) = renewals.last_error.as_ref().filter(|error| error.kind() != ErrorKind::Timeout)
        {
            return Err(error.clone());
        }
        this.renew(&mut renewals, deadline).await
    }

    /// Discards `token`, which the server refused. A newer token stays.
    pub(super) fn discard(&self, token: &Arc<Token>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, token)) {
            *current = None;
        }
    }

    /// Aborts the background renewal.
    pub(super) fn stop(&self) {
        if let Some(task) = self.background.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }

    fn valid(&self) -> Option<Arc<Token>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|token| Instant::now() < token.ends_at).cloned()
    }

    fn renew_in_background(this: &Arc<Tokens>) {
        // If the lock is taken, a renewal is in progress.
        let Ok(renewals) = Arc::clone(&this.renewals).try_lock_owned() else { return };
        if renewals.not_before.is_some_and(|moment| Instant::now() < moment) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let task = runtime.spawn(carried(Tokens::background(Arc::clone(this), renewals)));
        *this.background.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
    }

    async fn background(this: Arc<Tokens>, mut renewals: OwnedMutexGuard<Renewals>) {
        let deadline = Instant::now() + this.transport.settings.timeout;
        if let Err(error) = this.renew(&mut renewals, deadline).await {
            renewals.not_before = Some(Instant::now() + RENEWAL_PAUSE);
            this.transport.observers.report(&Activity {
                error: Some(error.kind()),
                status: error.http_status(),
                ..Label::TOKEN.activity(ActivityKind::TokenRenewalFailed, 1)
            });
        }
    }

    async fn renew(&self, renewals: &mut Renewals, deadline: Instant) -> Result<Arc<Token>> {
        let result = self.fetch(deadline).await.and_then(Token::new);
        self.finished.fetch_add(1, Ordering::Release);
        match result {
            Ok(token) => {
                let token = Arc::new(token);
                *renewals = Renewals::default();
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&token));
                let observers = &self.transport.observers;
                count(&observers.token_renewals);
                observers.report(&Label::TOKEN.activity(ActivityKind::TokenRenewed, 1));
                Ok(token)
            }
            Err(error) => {
                renewals.last_error = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Requests a token by the client-credentials grant (RFC 6749, 4.4).
    async fn fetch(&self, deadline: Instant) -> Result<Grant> {
        let url = self.account.root.join("oauth/token");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.account.client_id.as_str()),
            ("client_secret", self.account.client_secret.expose()),
        ];
        let bounds = Bounds {
            timeout: deadline - Instant::now(),
            deadline,
            max_attempts: self.transport.settings.retry.max_attempts,
            idempotent: true,
            // The call that needs the token holds a permit already. If the token request waited for a second permit, both could wait forever.
            limited: false,
        };
        let request = async |attempt: Attempt| {
            let request = self.transport.client.post(url.clone()).form(&form);
            let answer = self.transport.send(request, Label::TOKEN, attempt.number).await?;
            Ok::<_, Failed>(answer.value)
        };
        self.transport.repeat(Label::TOKEN, bounds, request).await.map_err(|error| {
            // The server's answer may repeat the form.
            let error = answer::without_secret(error, self.account.client_secret.expose());
            explain(error).with_context("token", "POST /oauth/token")
        })
    }
}

impl Token {
    /// Returns the token without the scheme.
    pub(super) fn text(&self) -> &str {
        self.header.to_str().ok().and_then(|header| header.strip_prefix("Bearer ")).unwrap_or_default()
    }

    fn new(grant: Grant) -> Result<Token> {
        let lifetime = grant.expires_in.map(Duration::try_from_secs_f64);
        let lifetime = lifetime.and_then(Result::ok).unwrap_or(DEFAULT_LIFETIME).min(LONGEST_LIFETIME);
        let mut header = HeaderValue::try_from(format!("Bearer {}", grant.access_token.expose())).map_err(|_| {
            Error::new(ErrorKind::Decode, "the answer's `access_token` has characters that a header cannot have")
        })?;
        header.set_sensitive(true);
        let now = Instant::now();
        Ok(Token {
            header,
            renew_at: now + (lifetime - RENEWAL_MARGIN.min(lifetime / 10)),
            ends_at: now + (lifetime - TRANSIT_MARGIN.min(lifetime / 100)),
        })
    }
}

/// Turns the refusal of a token request into an error about the credentials, since the caller did not make that request.
fn explain(error: Error) -> Error {
    let credentials = matches!(error.http_status(), Some(400 | 401))
        && error.status() == ErrorStatus::Permanent
        && matches!(
            error.code(),
            None | Some("invalid_client" | "unauthorized_client" | "access_denied" | "invalid_grant")
        );
    if credentials {
        error.replace(
            ErrorKind::Authentication,
            "the client id or client secret was refused: check SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET against the dashboard",
        )
    } else {
        error
    }
}

//! The access token: fetched on first use, by one request however many callers wait, and renewed in the background while the old one
//! still serves.

use super::observe::{Activity, ActivityKind, count};
use super::transport::{Exchange, Inner};
use crate::{Error, ErrorKind, ErrorStatus, Result, Secret};
use http::HeaderValue;
use serde::Deserialize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// How long a token is taken to live whose answer does not say.
const UNSAID: Duration = Duration::from_secs(5 * 60);
/// How long before its end a token is renewed; a tenth of its life where that is shorter.
const MARGIN: Duration = Duration::from_secs(60);
/// How long before its end a token is no longer sent, since it may end on the way; a hundredth of its life where that is shorter.
const TRANSIT: Duration = Duration::from_secs(2);
/// How long after a renewal in the background failed another is tried.
const PAUSE: Duration = Duration::from_secs(5);

/// A token as requests carry it.
pub(super) struct Token {
    pub(super) header: HeaderValue,
    renew_at: Instant,
    ends_at: Instant,
}

/// What OAuth 2.0 (RFC 6749, 5.1) answers.
#[derive(Deserialize)]
pub(super) struct Grant {
    access_token: Secret,
    #[serde(default)]
    expires_in: Option<f64>,
}

/// The one token of a client, and the one renewal that may be under way.
#[derive(Default)]
pub(super) struct Tokens {
    current: RwLock<Option<Arc<Token>>>,
    renewals: Arc<tokio::sync::Mutex<Renewals>>,
    finished: AtomicU64,
    background: Mutex<Option<AbortHandle>>,
}

/// What whoever holds the turn to renew knows about the renewals before.
#[derive(Default)]
struct Renewals {
    last_error: Option<Error>,
    /// When the background may try again.
    not_before: Option<Instant>,
}

impl Tokens {
    /// The current token, or a new one. Whoever comes while it is being fetched waits for that one request; whoever comes while a
    /// good one is being renewed takes the good one.
    ///
    /// A caller that stops waiting, or gives up in the middle of the request, leaves the next one to make it.
    pub(super) async fn get(inner: &Arc<Inner>, deadline: Instant) -> Result<Arc<Token>> {
        let tokens = &inner.tokens;
        if let Some(token) = tokens.good() {
            if Instant::now() >= token.renew_at {
                Tokens::renew_in_background(inner);
            }
            return Ok(token);
        }
        let finished = tokens.finished.load(Ordering::Acquire);
        let mut renewals = tokens.renewals.lock().await;
        if let Some(token) = tokens.good() {
            return Ok(token);
        }
        // The request that this caller waited for has failed for good: asking again at once would not change that. One that ran
        // out of somebody else's time says nothing.
        if tokens.finished.load(Ordering::Acquire) != finished
            && let Some(error) = renewals.last_error.as_ref().filter(|error| error.kind() != ErrorKind::Timeout)
        {
            return Err(error.clone());
        }
        Tokens::renew(inner, &mut renewals, deadline).await
    }

    /// The server refused `token`: it is not used again. A newer one stays.
    pub(super) fn refused(&self, token: &Arc<Token>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, token)) {
            *current = None;
        }
    }

    /// Ends what is under way for nobody.
    pub(super) fn stop(&self) {
        if let Some(task) = self.background.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }

    fn good(&self) -> Option<Arc<Token>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|token| Instant::now() < token.ends_at).cloned()
    }

    fn renew_in_background(inner: &Arc<Inner>) {
        // Somebody else is at it.
        let Ok(renewals) = Arc::clone(&inner.tokens.renewals).try_lock_owned() else { return };
        if renewals.not_before.is_some_and(|moment| Instant::now() < moment) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let task = runtime.spawn(Tokens::background(Arc::clone(inner), renewals));
        *inner.tokens.background.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
    }

    async fn background(inner: Arc<Inner>, mut renewals: OwnedMutexGuard<Renewals>) {
        let deadline = Instant::now() + inner.settings.timeout;
        if let Err(error) = Tokens::renew(&inner, &mut renewals, deadline).await {
            renewals.not_before = Some(Instant::now() + PAUSE);
            inner.observers.tell(&Activity {
                error: Some(error.kind()),
                status: error.http_status(),
                ..Exchange::TOKEN.activity(ActivityKind::TokenRenewalFailed, 1)
            });
        }
    }

    async fn renew(inner: &Arc<Inner>, renewals: &mut Renewals, deadline: Instant) -> Result<Arc<Token>> {
        let result = inner.grant(deadline).await.and_then(Token::new);
        inner.tokens.finished.fetch_add(1, Ordering::Release);
        match result {
            Ok(token) => {
                let token = Arc::new(token);
                *renewals = Renewals::default();
                *inner.tokens.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&token));
                count(&inner.observers.token_renewals);
                inner.observers.tell(&Exchange::TOKEN.activity(ActivityKind::TokenRenewed, 1));
                Ok(token)
            }
            Err(error) => {
                renewals.last_error = Some(error.clone());
                Err(error)
            }
        }
    }
}

impl Token {
    fn new(grant: Grant) -> Result<Token> {
        let life = grant.expires_in.map_or(UNSAID, |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(UNSAID));
        // Instants end somewhere; no token needs to live longer than a day.
        let life = life.min(Duration::from_secs(24 * 60 * 60));
        let mut header = HeaderValue::try_from(format!("Bearer {}", grant.access_token.expose()))
            .map_err(|_| Error::new(ErrorKind::Decode, "the answer's `access_token` cannot stand in a header"))?;
        header.set_sensitive(true);
        let now = Instant::now();
        let ends_at = now + (life - TRANSIT.min(life / 100));
        Ok(Token { header, renew_at: now + (life - MARGIN.min(life / 10)), ends_at })
    }
}

/// What a refused token request means to the caller: not a bad request of theirs, but wrong credentials.
pub(super) fn explain(error: Error) -> Error {
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

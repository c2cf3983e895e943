//! The access token: fetched on first use, by one request however many callers wait, and kept until shortly before it ends.

use super::transport::Http;
use crate::{Error, ErrorKind, ErrorStatus, Result, Secret};
use http::HeaderValue;
use serde::Deserialize;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;

/// How long a token is taken to live whose answer does not say.
const UNSAID: Duration = Duration::from_secs(5 * 60);
/// How long before its end a token is renewed; a tenth of its life where that is shorter.
const MARGIN: Duration = Duration::from_secs(60);

/// A token as requests carry it.
pub(super) struct Token {
    pub(super) header: HeaderValue,
    renew_at: Instant,
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
    renewal: tokio::sync::Mutex<Renewals>,
    finished: std::sync::atomic::AtomicU64,
}

#[derive(Default)]
struct Renewals {
    last_error: Option<Error>,
}

impl Tokens {
    /// The current token, or a new one. Whoever comes while it is being fetched waits for that one request.
    ///
    /// A caller that stops waiting, or gives up in the middle of the request, leaves the next one to make it.
    pub(super) async fn get(&self, http: &Http, deadline: Instant) -> Result<Arc<Token>> {
        use std::sync::atomic::Ordering::Acquire;
        if let Some(token) = self.fresh() {
            return Ok(token);
        }
        let finished = self.finished.load(Acquire);
        let mut renewal = self.renewal.lock().await;
        if let Some(token) = self.fresh() {
            return Ok(token);
        }
        // The request that this caller waited for has failed for good: asking again at once would not change that. One that ran
        // out of somebody else's time says nothing.
        if self.finished.load(Acquire) != finished
            && let Some(error) = renewal.last_error.as_ref().filter(|error| error.kind() != ErrorKind::Timeout)
        {
            return Err(error.clone());
        }
        let result = http.grant(deadline).await.and_then(Token::new);
        self.finished.fetch_add(1, std::sync::atomic::Ordering::Release);
        match result {
            Ok(token) => {
                let token = Arc::new(token);
                renewal.last_error = None;
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&token));
                Ok(token)
            }
            Err(error) => {
                renewal.last_error = Some(error.clone());
                Err(error)
            }
        }
    }

    /// The server refused `token`: it is not used again. A newer one stays.
    pub(super) fn refused(&self, token: &Arc<Token>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, token)) {
            *current = None;
        }
    }

    fn fresh(&self) -> Option<Arc<Token>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|token| Instant::now() < token.renew_at).cloned()
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
        Ok(Token { header, renew_at: Instant::now() + (life - MARGIN.min(life / 10)) })
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

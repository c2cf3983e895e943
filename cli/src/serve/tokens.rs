//! Tokens: which of them a request has, and the sessions and forms of the page that are made from them.

use crate::failure::Failure;
use crate::secrets::{are_equal, mac};
use headcount::Timestamp;
use headcount::system::{OsRandom, Random};
use hmac::Mac;
use std::path::Path;
use std::time::Duration;

/// The shortest token, in bytes. A random one of this length cannot be guessed.
const SHORTEST: usize = 24;
/// The longest token, in bytes.
const LONGEST: usize = 1_000;
/// How long a session of the page lasts.
pub(super) const SESSION: Duration = Duration::from_secs(12 * 60 * 60);

/// What a token permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Read,
    /// Includes reading.
    Write,
}

/// The tokens of the service. Safe to use from several threads.
pub(crate) struct Tokens {
    tokens: Vec<Token>,
    /// The key of sessions while there are no tokens.
    random: Vec<u8>,
}

struct Token {
    scope: Scope,
    secret: headcount::Secret,
}

/// Who sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) scope: Scope,
    /// The value that forms of the page have to contain.
    pub(super) csrf: String,
}

impl Tokens {
    pub(crate) fn new() -> Tokens {
        Tokens { tokens: Vec::new(), random: (0..4).flat_map(|_| OsRandom.bits().to_ne_bytes()).collect() }
    }

    /// Returns whether there are no tokens, so that every request may read and write.
    pub(crate) fn is_open(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Adds a token. `place` is where it comes from.
    ///
    /// # Errors
    ///
    /// If the token is too short, too long, or not of visible ASCII characters. The message does not have the token.
    pub(crate) fn add(&mut self, token: &[u8], scope: Scope, place: &str) -> Result<(), Failure> {
        let token = token.trim_ascii();
        let text = std::str::from_utf8(token).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()));
        let Some(text) = text.filter(|text| (SHORTEST..=LONGEST).contains(&text.len())) else {
            return Err(Failure::usage(format!(
                "{place}: expected a token of {SHORTEST} to {LONGEST} visible ASCII characters, such as the output of `openssl rand -hex 32`, got {} bytes",
                token.len()
            )));
        };
        self.tokens.push(Token { scope, secret: headcount::Secret::new(text) });
        Ok(())
    }

    /// Adds the tokens in a file: each line that is not empty and does not begin with `#`.
    ///
    /// # Errors
    ///
    /// As [`add`](Tokens::add); if the file cannot be read or has no token.
    pub(crate) fn read(&mut self, path: &Path, scope: Scope) -> Result<(), Failure> {
        let text = std::fs::read(path)
            .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))?;
        let before = self.tokens.len();
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if !line.is_empty() && line[0] != b'#' {
                self.add(line, scope, &format!("{}, line {}", path.display(), index + 1))?;
            }
        }
        match self.tokens.len() > before {
            true => Ok(()),
            false => Err(Failure::usage(format!("{}: expected a token in a line, got none", path.display()))),
        }
    }

    /// Returns what a token permits, or `None` if it is none of the tokens. The time that this takes does not tell how much of a token is right.
    pub(super) fn scope_of(&self, given: &[u8]) -> Option<Scope> {
        let matching = self.tokens.iter().filter(|token| are_equal(token.secret.expose().as_bytes(), given));
        matching.map(|token| token.scope).max()
    }

    /// Makes the cookie of a session with what the given token permits, or returns `None` if it is none of the tokens.
    pub(super) fn session(&self, given: &[u8], now: Timestamp) -> Option<String> {
        let token = self.tokens.iter().find(|token| are_equal(token.secret.expose().as_bytes(), given))?;
        let ends = now.as_second() + SESSION.as_secs() as i64;
        Some(format!("{ends}.{}", hex(&self.signature(token, "session", &ends.to_string()))))
    }

    /// Returns the session of a cookie, or `None` if it is not valid or has ended.
    pub(super) fn session_of(&self, cookie: &str, now: Timestamp) -> Option<Session> {
        let (ends, signature) = cookie.split_once('.')?;
        if ends.parse::<i64>().ok()? <= now.as_second() {
            return None;
        }
        let is_valid =
            |token: &&Token| are_equal(hex(&self.signature(token, "session", ends)).as_bytes(), signature.as_bytes());
        let token = self.tokens.iter().filter(is_valid).max_by_key(|token| token.scope)?;
        Some(Session { scope: token.scope, csrf: hex(&self.signature(token, "form", cookie)) })
    }

    /// Returns the session of every request while there are no tokens.
    pub(super) fn open_session(&self) -> Session {
        Session { scope: Scope::Write, csrf: hex(&signature_of(&self.random, &["form"])) }
    }

    /// Signs a text with a token. So a session ends when its token is no longer accepted, and another process with the same tokens accepts it.
    fn signature(&self, token: &Token, purpose: &str, text: &str) -> Vec<u8> {
        signature_of(token.secret.expose().as_bytes(), &["headcount", purpose, text])
    }
}

fn signature_of(key: &[u8], parts: &[&str]) -> Vec<u8> {
    // The parts have no zero bytes.
    let mac = parts.iter().fold(mac(key), |mac, part| mac.chain_update(part).chain_update([0]));
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: &str = "write-token-write-token-write";
    const READ: &str = "read-token-read-token-read-token";

    fn tokens() -> Tokens {
        let mut tokens = Tokens::new();
        tokens.add(WRITE.as_bytes(), Scope::Write, "test").unwrap();
        tokens.add(READ.as_bytes(), Scope::Read, "test").unwrap();
        tokens
    }

    #[test]
    fn a_token_permits_what_its_scope_says_and_any_other_text_nothing() {
        assert_eq!(tokens().scope_of(WRITE.as_bytes()), Some(Scope::Write));
        assert_eq!(tokens().scope_of(READ.as_bytes()), Some(Scope::Read));
        for wrong in ["", "write-token", "write-token-write-token-writE", &format!("{WRITE} ")] {
            assert_eq!(tokens().scope_of(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_session_lasts_twelve_hours_and_is_accepted_by_another_process() {
        let now = Timestamp::UNIX_EPOCH;
        let cookie = tokens().session(READ.as_bytes(), now).unwrap();
        let session = tokens().session_of(&cookie, now).unwrap();
        assert_eq!(session.scope, Scope::Read);
        assert_eq!(tokens().session_of(&cookie, now + SESSION), None);
    }

    #[test]
    fn a_session_whose_end_was_changed_is_refused() {
        let now = Timestamp::UNIX_EPOCH;
        let cookie = tokens().session(READ.as_bytes(), now).unwrap();
        let (ends, signature) = cookie.split_once('.').unwrap();
        let longer = format!("{}.{signature}", ends.parse::<i64>().unwrap() + 1);
        assert_eq!(tokens().session_of(&longer, now), None);
        assert_eq!(Tokens::new().session_of(&cookie, now), None);
    }

    #[test]
    fn the_value_of_forms_differs_between_sessions() {
        let now = Timestamp::UNIX_EPOCH;
        let tokens = tokens();
        let csrf = |token: &str| {
            let cookie = tokens.session(token.as_bytes(), now).unwrap();
            tokens.session_of(&cookie, now).unwrap().csrf
        };
        assert_ne!(csrf(READ), csrf(WRITE));
        assert_ne!(tokens.open_session().csrf, Tokens::new().open_session().csrf);
    }

    #[test]
    fn a_weak_token_is_refused_and_not_shown() {
        let failure = Tokens::new().add(b"hunter2", Scope::Write, "HEADCOUNT_TOKEN").unwrap_err();
        let message = failure.message().unwrap();
        assert!(message.starts_with("HEADCOUNT_TOKEN: expected a token of 24 to 1000"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

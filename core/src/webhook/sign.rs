//! Signs messages: makes the headers that a sender would send.

use super::headers::{Headers, MAX_ID};
use super::secret::Key;
use super::signature::{VERSION, mac};
use crate::random::Random;
use crate::{Error, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;

/// The three headers of a signed request; made by `Webhook::sign`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHeaders {
    /// `webhook-id`: the same for every attempt to deliver one message.
    pub id: String,
    /// `webhook-timestamp`: Unix seconds.
    pub timestamp: String,
    /// `webhook-signature`: `v1,` and base64.
    pub signature: String,
}

impl SignedHeaders {
    /// Returns the names and values of the headers.
    pub fn iter(&self) -> [(&'static str, &str); 3] {
        [("webhook-id", &self.id), ("webhook-timestamp", &self.timestamp), ("webhook-signature", &self.signature)]
    }
}

impl Headers for SignedHeaders {
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        self.iter().into_iter().for_each(|(name, value)| visit(name, value.as_bytes()));
    }
}

/// Makes the headers of a message. Errors name the argument that cannot be used.
pub(super) fn sign(key: &Key, id: String, timestamp: i64, body: &[u8]) -> Result<SignedHeaders> {
    if id.is_empty() || id.len() > MAX_ID || id.trim() != id || id.contains(|c: char| c == '.' || c.is_control()) {
        return Err(Error::invalid_argument(format!(
            "the message id is not valid in a header: expected 1 to {MAX_ID} bytes without control characters or dots, and no blanks before or after them"
        )));
    }
    if timestamp < 0 {
        return Err(Error::invalid_argument("the timestamp is negative: expected Unix seconds"));
    }
    let timestamp = timestamp.to_string();
    let mac = mac(key, id.as_bytes(), timestamp.as_bytes(), body).finalize().into_bytes();
    let mut signature = String::from_utf8_lossy(VERSION).into_owned();
    STANDARD.encode_string(mac, &mut signature);
    Ok(SignedHeaders { id, timestamp, signature })
}

/// Makes a message id: `msg_` and 128 random bits in hexadecimal.
pub(super) fn fresh_id(random: &dyn Random) -> String {
    format!("msg_{:016x}{:016x}", random.bits(), random.bits())
}

//! Compares secrets.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Starts a message authentication code with this key.
pub(crate) fn mac(key: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC accepts keys of every length (RFC 2104)")]
    Hmac::new_from_slice(key).expect("a key of any length")
}

/// Compares two texts in a time that does not depend on where they differ: their hashes are compared.
pub(crate) fn are_equal(left: &[u8], right: &[u8]) -> bool {
    const KEY: &[u8] = b"headcount";
    let expected = mac(KEY).chain_update(left).finalize();
    mac(KEY).chain_update(right).verify(&expected.into_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_texts_are_equal() {
        assert!(are_equal(b"secret", b"secret"));
        for other in ["", "secre", "secret1", "Secret", "secreT"] {
            assert!(!are_equal(b"secret", other.as_bytes()), "{other}");
        }
    }
}

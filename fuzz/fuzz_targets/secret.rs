//! Arbitrary secrets: each is refused with an error that does not repeat it, or signs messages that it verifies.
#![no_main]

use headcount::{Reason, Webhook};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Webhook::new([text]) {
        Ok(webhook) => {
            let signed = webhook.sign(b"body", None, None).expect("signed");
            webhook.verify_signature(&signed, b"body").expect("what it signed");
            assert!(webhook.verify_signature(&signed, b"bodY").is_err());
        }
        Err(error) => {
            assert_eq!(error.reason(), Some(Reason::InvalidSecret));
            let message = format!("{error} {error:?}");
            for word in text.split_whitespace().filter(|word| word.len() > 12) {
                assert!(!message.contains(word) || "headcount webhook secret whsec_ base64".contains(word), "{message}");
            }
        }
    }
});

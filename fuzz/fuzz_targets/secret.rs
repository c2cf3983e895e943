//! Makes verifiers with arbitrary texts as secrets. Each text is refused with an error that does not contain it, or its verifier accepts the message that
//! it signed, and refuses another body.
#![no_main]

use headcount::{Reason, Webhook};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Webhook::new([text]) {
        Ok(webhook) => {
            let signed = webhook.sign(b"body", None, None).expect("signed");
            webhook.verify_signature(&signed, b"body").expect("the signature is valid");
            assert!(webhook.verify_signature(&signed, b"bodY").is_err());
        }
        Err(error) => {
            assert_eq!(error.reason(), Some(Reason::InvalidSecret));
            let message = format!("{error} {error:?}");
            // Shorter words of the secret can be in the message by chance.
            for word in text.split_whitespace().filter(|word| word.len() > 12) {
                assert!(!message.contains(word), "{message}");
            }
        }
    }
});

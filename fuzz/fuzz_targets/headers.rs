//! Verifies arbitrary headers, one name and value per line: they are refused, because they are not signed. Then verifies a valid signature with the input
//! after it. No input causes a panic.
#![no_main]

use headcount::{Timestamp, Webhook};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static WEBHOOK: LazyLock<Webhook> = LazyLock::new(|| {
    let now = Timestamp::from_second(1_700_000_000).expect("a valid time");
    Webhook::builder().secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").clock(now).build().expect("a valid secret")
});
const BODY: &[u8] = br#"{"id":"evt_1","type":"t","occurred_at":"2025-01-01T00:00:00Z","data":{}}"#;

fuzz_target!(|data: &[u8]| {
    let pairs: Vec<(String, Vec<u8>)> = data
        .split(|byte| *byte == b'\n')
        .map(|line| {
            let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            (String::from_utf8_lossy(&line[..at]).into_owned(), line.get(at + 1..).unwrap_or_default().to_vec())
        })
        .collect();
    let refused = WEBHOOK.verify_signature(&pairs, BODY);
    assert!(refused.is_err(), "verified without the key: {pairs:?}");

    // A valid signature is accepted whatever follows it in the header, if the header is not too long and is ASCII.
    let signed = WEBHOOK.sign(BODY, Some("msg_1"), None).expect("signed");
    let rest = String::from_utf8_lossy(data).replace(['\n', '\r', '\0'], "");
    let signatures = format!("{} {}", signed.signature, rest);
    let headers: Vec<(String, Vec<u8>)> = vec![
        ("webhook-id".into(), signed.id.clone().into_bytes()),
        ("webhook-timestamp".into(), signed.timestamp.to_string().into_bytes()),
        ("webhook-signature".into(), signatures.into_bytes()),
    ];
    if rest.len() < 1000 && rest.is_ascii() {
        WEBHOOK.verify_signature(&headers, BODY).expect("one of the signatures is valid");
    }
});

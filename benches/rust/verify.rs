//! Measures how long verifying a webhook takes, and how long computing the HMAC alone takes: `cargo bench --package headcount-benches --bench verify`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use headcount::{Timestamp, Webhook};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::hint::black_box;

/// The webhook's key, which is not secret.
const KEY: &[u8; 24] = b"a key of twenty-four b.\0";

/// Returns an event with the members that the library reads, padded to `length` bytes.
fn body(length: usize) -> Vec<u8> {
    let head = r#"{"id":"evt_53891546994442316","type":"organization.directory.user_created","occurred_at":"2025-01-06T18:44:25.153954Z","organization_id":"org_53879494091473415","data":{"id":"diruser_53891546960887884","profile":""#;
    let tail = r#""}}"#;
    format!("{head}{}{tail}", "x".repeat(length - head.len() - tail.len())).into_bytes()
}

/// Measures computing the HMAC of a body alone, verifying its signature, and verifying it and parsing the event.
fn verify(criterion: &mut Criterion) {
    let secret = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, KEY);
    let webhook = Webhook::new([secret.as_str()]).unwrap();
    let key = Hmac::<Sha256>::new_from_slice(KEY).unwrap();
    let now = Timestamp::from_second(1_700_000_000).unwrap();
    let mut group = criterion.benchmark_group("verify");
    for length in [1100, 100_000] {
        let body = body(length);
        let signed = webhook.sign(&body, Some("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"), Some(1_700_000_000)).unwrap();
        let expected = {
            let mut mac = key.clone();
            mac.update(format!("{}.{}.", signed.id, signed.timestamp).as_bytes());
            mac.update(&body);
            mac.finalize().into_bytes()
        };
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_with_input(BenchmarkId::new("bare HMAC", length), &body, |bencher, body| {
            bencher.iter(|| {
                let mut mac = key.clone();
                mac.update(signed.id.as_bytes());
                mac.update(b".");
                mac.update(signed.timestamp.as_bytes());
                mac.update(b".");
                mac.update(black_box(body));
                mac.verify_slice(&expected).unwrap();
            });
        });
        group.bench_with_input(BenchmarkId::new("verify_signature", length), &body, |bencher, body| {
            bencher.iter(|| webhook.verify_signature_at(black_box(&signed), black_box(body), now).unwrap());
        });
        group.bench_with_input(BenchmarkId::new("verify and parse", length), &body, |bencher, body| {
            bencher.iter(|| webhook.verify_at(black_box(&signed), black_box(body), now).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, verify);
criterion_main!(benches);

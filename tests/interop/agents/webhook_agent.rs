//! The Rust library as a command, for tests that compare it with other libraries.
//!
//! `sign SECRET ID TIMESTAMP` prints the values of the three headers for the body on stdin, one per line. `verify SECRET ID TIMESTAMP SIGNATURE`
//! prints `ok`, or prints the reason and exits with 1. `batch` reads such requests as lines of JSON (`op`, `secret`, `id`, `timestamp`,
//! `signature` or all `headers`, `body_b64`) and answers each request with a line of JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use headcount::{Error, Reason, Webhook};
use serde_json::{Value, json};
use std::error::Error as AnyError;
use std::io::{BufRead, Read, Write};
use std::process::ExitCode;

fn main() -> Result<ExitCode, Box<dyn AnyError>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut out = std::io::stdout().lock();
    let mut code = ExitCode::SUCCESS;
    match arguments.as_slice() {
        ["sign", secret, id, timestamp] => {
            for value in sign(secret, id, timestamp, &stdin()?)? {
                writeln!(out, "{value}")?;
            }
        }
        ["verify", secret, id, timestamp, signature] => {
            match verify(secret, &headers_of(id, timestamp, signature), &stdin()?) {
                Ok(()) => writeln!(out, "ok")?,
                Err(error) => {
                    writeln!(out, "{}", reason(&error))?;
                    code = ExitCode::FAILURE;
                }
            }
        }
        ["batch"] => {
            for line in std::io::stdin().lock().lines() {
                writeln!(out, "{}", answer(&serde_json::from_str(&line?)?)?)?;
                out.flush()?;
            }
        }
        _ => return Err("expected sign, verify or batch".into()),
    }
    Ok(code)
}

fn stdin() -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    std::io::stdin().lock().read_to_end(&mut body)?;
    Ok(body)
}

fn sign(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> Result<[String; 3], Box<dyn AnyError>> {
    let signed = Webhook::new([secret])?.sign(body, Some(id), Some(timestamp.parse()?))?;
    Ok([signed.id, signed.timestamp, signed.signature])
}

fn verify(secret: &str, headers: &[(&str, &str)], body: &[u8]) -> headcount::Result<()> {
    Webhook::new([secret])?.verify_signature(headers, body)
}

fn headers_of<'a>(id: &'a str, timestamp: &'a str, signature: &'a str) -> [(&'a str, &'a str); 3] {
    [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)]
}

fn reason(error: &Error) -> String {
    error.reason().map_or_else(|| error.to_string(), |reason: Reason| reason.name().to_owned())
}

/// Answers one request of a batch.
fn answer(request: &Value) -> Result<Value, Box<dyn AnyError>> {
    let text = |name: &str| request[name].as_str().unwrap_or_default();
    let body = STANDARD.decode(text("body_b64"))?;
    let (secret, id, timestamp) = (text("secret"), text("id"), text("timestamp"));
    Ok(if text("op") == "sign" {
        match sign(secret, id, timestamp, &body) {
            Ok([id, timestamp, signature]) => {
                json!({ "ok": true, "id": id, "timestamp": timestamp, "signature": signature })
            }
            Err(error) => json!({ "ok": false, "reason": error.to_string() }),
        }
    } else {
        let verified = match request["headers"].as_object() {
            Some(headers) => {
                let headers: Vec<_> =
                    headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default())).collect();
                verify(secret, &headers, &body)
            }
            None => verify(secret, &headers_of(id, timestamp, text("signature")), &body),
        };
        match verified {
            Ok(()) => json!({ "ok": true }),
            Err(error) => json!({ "ok": false, "reason": reason(&error) }),
        }
    })
}

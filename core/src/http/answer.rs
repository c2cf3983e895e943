//! What a server's answer means: a value, or which error.

use crate::clock::Clock;
use crate::error::Answer;
use crate::model::plain_json_error;
use crate::{Error, ErrorKind};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::time::Duration;

/// The most characters of a server's message that are repeated.
const MESSAGE: usize = 300;

/// Decodes a body that came with a good status.
///
/// Where it is not JSON at all, or ends early, something between the server and here broke it, and trying again may help. Where
/// it is JSON of another shape, the server means it; the error names the field.
///
/// All answers of the contract are objects. Serde would take an array for one as well, and an empty array for a directory that everybody
/// has left.
pub(super) fn decode<T: DeserializeOwned>(body: &[u8], headers: &HeaderMap) -> Result<T, Error> {
    let other = body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first == b'[');
    let decoded = match (other, std::str::from_utf8(body)) {
        (true, _) => serde_json::from_slice::<serde_json::Map<_, serde_json::Value>>(body)
            .and_then(|_| serde_json::from_slice(body)),
        // Checked at once, and not text by text.
        (false, Ok(text)) => serde_json::from_str(text),
        (false, Err(_)) => serde_json::from_slice(body),
    };
    decoded.map_err(|error| {
        let error = if error.is_data() {
            let mut deserializer = serde_json::Deserializer::from_slice(body);
            let (path, error) = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
                Err(nested) if !other => (nested.path().to_string(), nested.into_inner()),
                _ => (String::new(), error),
            };
            let field =
                if path.is_empty() || path == "." { "the answer".to_owned() } else { format!("the answer's `{path}`") };
            Error::new(
                ErrorKind::Decode,
                format!("{field} is not what the contract says: {}", plain_json_error(&error)),
            )
        } else {
            let kind =
                headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("no content type");
            let kind: String = kind.chars().filter(|character| !character.is_control()).take(60).collect();
            let length = body.len();
            Error::new(
                ErrorKind::Decode,
                format!(
                    "the answer is not JSON ({kind}, {length} bytes): {}; check the environment URL",
                    plain_json_error(&error)
                ),
            )
            .temporary()
        };
        error.with_answer(Answer { http_status: Some(200), request_id: request_id(headers), ..Answer::default() })
    })
}

/// The vendor's error body (gRPC gateway's), or OAuth's.
#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    details: Option<Box<RawValue>>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_description: Option<String>,
}

#[derive(Deserialize)]
struct Detail {
    error_code: Option<String>,
}

/// The error that a status outside 2xx is.
pub(super) fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8], clock: &dyn Clock) -> Error {
    let body: Body = serde_json::from_slice(body).unwrap_or_default();
    let code = body
        .details
        .as_ref()
        .and_then(|details| serde_json::from_str::<Vec<Detail>>(details.get()).ok())
        .and_then(|details| details.into_iter().find_map(|detail| detail.error_code))
        .or(body.error);
    let said = one_line(&body.message.or(body.error_description).unwrap_or_default());
    let number = status.as_u16();
    let message = if status.is_redirection() {
        format!("the server answered {number}, a redirect, which is not followed: check the environment URL")
    } else if said.is_empty() {
        format!("the server answered {number} {}", status.canonical_reason().unwrap_or_default()).trim_end().to_owned()
    } else {
        format!("the server answered {number}: {said}")
    };
    let error = Error::new(ErrorKind::from_http_status(number), message).with_answer(Answer {
        http_status: Some(number),
        code,
        details: body.details.map(|details| details.get().to_owned()),
        request_id: request_id(headers),
        retry_after: retry_after(headers, clock),
    });
    match number {
        408 | 429 | 500 | 502 | 503 | 504 => error.temporary(),
        _ => error,
    }
}

fn one_line(text: &str) -> String {
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(MESSAGE) {
        line.truncate(end);
        line.push('…');
    }
    line
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    ["x-request-id", "request-id"].iter().find_map(|name| Some(headers.get(*name)?.to_str().ok()?.to_owned()))
}

/// `Retry-After` in both its forms (RFC 9110, 10.2.3): seconds, or a date.
fn retry_after(headers: &HeaderMap, clock: &dyn Clock) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX)).min(u64::from(u32::MAX))));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(clock.now())).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorStatus, Timestamp, User};

    fn refused(status: u16, headers: &[(&str, &str)], body: &str) -> Error {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        refusal(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes(), &now)
    }

    #[test]
    fn statuses_have_kinds() {
        for (status, kind, temporary) in [
            (400, ErrorKind::BadRequest, false),
            (401, ErrorKind::Authentication, false),
            (403, ErrorKind::PermissionDenied, false),
            (404, ErrorKind::NotFound, false),
            (408, ErrorKind::Api, true),
            (418, ErrorKind::Api, false),
            (429, ErrorKind::RateLimit, true),
            (500, ErrorKind::Server, true),
            (501, ErrorKind::Server, false),
            (503, ErrorKind::Server, true),
        ] {
            let error = refused(status, &[], "");
            assert_eq!((error.kind(), error.http_status()), (kind, Some(status)));
            assert_eq!(error.status() == ErrorStatus::Temporary, temporary, "{status}");
        }
    }

    #[test]
    fn the_vendors_words_are_kept() {
        let error = refused(
            404,
            &[("x-request-id", "req_1")],
            r#"{"code":5,"message":"directory\n not found","details":[{"@type":"x"},{"error_code":"RESOURCE_NOT_FOUND"}]}"#,
        );
        assert_eq!(error.message(), "the server answered 404: directory not found");
        assert_eq!((error.code(), error.request_id()), (Some("RESOURCE_NOT_FOUND"), Some("req_1")));
        assert!(error.details().unwrap().starts_with('['));
        assert_eq!(refused(502, &[], "<html>").message(), "the server answered 502 Bad Gateway");
    }

    #[test]
    fn retry_after_has_two_forms() {
        for (text, seconds) in [
            ("7", Some(7)),
            ("0", Some(0)),
            ("99999999999999999999999", Some(u64::from(u32::MAX))),
            ("Thu, 01 Jan 2026 00:01:30 GMT", Some(90)),
            ("Wed, 31 Dec 2025 23:00:00 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            let error = refused(429, &[("retry-after", text)], "");
            assert_eq!(error.retry_after(), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn a_wrong_shape_names_its_field_and_a_broken_text_may_pass() {
        #[derive(Debug, Deserialize)]
        struct Users {
            #[allow(dead_code, reason = "only its decoding is looked at")]
            users: Vec<User>,
        }
        let headers = HeaderMap::new();
        let error =
            decode::<Users>(br#"{"users":[{"id":"a"},{"id":"b","email":["ada@example.com"]}]}"#, &headers).unwrap_err();
        assert!(error.message().contains("`users[1].email`"), "{error}");
        assert!(!error.message().contains("ada"), "{error}");
        assert_eq!((error.kind(), error.status()), (ErrorKind::Decode, ErrorStatus::Permanent));
        for body in [" [[],0]", "[[]]", "7", "null", r#""""#] {
            let error = decode::<Users>(body.as_bytes(), &headers).unwrap_err();
            assert_eq!((error.kind(), error.status()), (ErrorKind::Decode, ErrorStatus::Permanent), "{body}");
            assert!(error.message().starts_with("the answer is not what the contract says"), "{error}");
        }
        for body in ["<html>ada@example.com</html>", r#"{"users":[{"id":"ada"#, ""] {
            let error = decode::<Users>(body.as_bytes(), &headers).unwrap_err();
            assert_eq!((error.kind(), error.status()), (ErrorKind::Decode, ErrorStatus::Temporary));
            assert!(!error.message().contains("ada"), "{error}");
        }
    }
}

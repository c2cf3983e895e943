//! Interprets a server's answer: decodes the value, or makes the error.

use crate::clock::Clock;
use crate::error::Answer;
use crate::model::plain_json_error;
use crate::{Error, ErrorKind, Timestamp};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::time::Duration;

/// Longest part of a server's message that an error repeats, in characters.
const MAX_MESSAGE: usize = 300;
/// Longest part of a content type that an error repeats, in characters.
const MAX_CONTENT_TYPE: usize = 60;

/// Decodes the body of an answer with a status of 2xx.
///
/// If the body is not JSON or ends early, it was probably damaged in transit, so the error is temporary. If it is JSON of another shape, a
/// retry would return the same, so the error is permanent; it names the field.
///
/// All answers of the contract are objects. Arrays are refused here, because serde also reads a struct from an array: an empty array would be
/// an empty listing, and every user would count as removed.
pub(super) fn decode<T: DeserializeOwned>(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<T, Error> {
    let is_array = body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first == b'[');
    let decoded = match (is_array, std::str::from_utf8(body)) {
        (true, _) => serde_json::from_slice::<serde_json::Map<_, serde_json::Value>>(body)
            .and_then(|_| serde_json::from_slice(body)),
        // Checking UTF-8 once for the whole body is faster than once for each string.
        (false, Ok(text)) => serde_json::from_str(text),
        (false, Err(_)) => serde_json::from_slice(body),
    };
    decoded.map_err(|error| {
        let error = if error.is_data() {
            let mut deserializer = serde_json::Deserializer::from_slice(body);
            let (path, error) = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
                Err(nested) if !is_array => (nested.path().to_string(), nested.into_inner()),
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
            let kind: String =
                kind.chars().filter(|character| !character.is_control()).take(MAX_CONTENT_TYPE).collect();
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
        error.with_answer(Answer {
            http_status: Some(status.as_u16()),
            request_id: request_id(headers),
            ..Answer::default()
        })
    })
}

/// A decoded answer.
#[derive(Debug)]
pub(crate) struct Dated<T> {
    pub(crate) value: T,
    /// The server's time, from the header `Date`, to the second; `None` if there was no such header.
    pub(crate) date: Option<Timestamp>,
}

/// Reads the header `Date` (RFC 9110, 6.6.1).
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// The error body of the vendor's API (as gRPC gateway writes it) or of OAuth 2.0 (RFC 6749, 5.2).
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

/// Makes the error for an answer with a status outside 2xx.
pub(super) fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8], clock: &dyn Clock) -> Error {
    let body: Body = serde_json::from_slice(body).unwrap_or_default();
    let code = body
        .details
        .as_ref()
        .and_then(|details| serde_json::from_str::<Vec<Detail>>(details.get()).ok())
        .and_then(|details| details.into_iter().find_map(|detail| detail.error_code))
        .or(body.error);
    let reason = one_line(&body.message.or(body.error_description).unwrap_or_default());
    let number = status.as_u16();
    let message = if status.is_redirection() {
        format!("the server answered {number}, a redirect, which is not followed: check the environment URL")
    } else if reason.is_empty() {
        format!("the server answered {number} {}", status.canonical_reason().unwrap_or_default()).trim_end().to_owned()
    } else {
        format!("the server answered {number}: {reason}")
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

/// Joins the text's lines and cuts it to [`MAX_MESSAGE`] characters.
fn one_line(text: &str) -> String {
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(MAX_MESSAGE) {
        line.truncate(end);
        line.push('…');
    }
    line
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    ["x-request-id", "request-id"].iter().find_map(|name| Some(headers.get(*name)?.to_str().ok()?.to_owned()))
}

/// Reads `Retry-After` in either form (RFC 9110, 10.2.3): seconds, or a date.
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
    use crate::{ErrorStatus, User};

    fn refused(status: u16, headers: &[(&str, &str)], body: &str) -> Error {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        refusal(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes(), &now)
    }

    #[test]
    fn a_status_decides_kind_and_whether_to_retry() {
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
            assert_eq!(error.kind(), kind, "{status}");
            assert_eq!(error.http_status(), Some(status));
            assert_eq!(error.status() == ErrorStatus::Temporary, temporary, "{status}");
        }
    }

    #[test]
    fn an_error_has_message_code_details_and_request_id_of_the_answer() {
        let error = refused(
            404,
            &[("x-request-id", "req_1")],
            r#"{"code":5,"message":"directory\n not found","details":[{"@type":"x"},{"error_code":"RESOURCE_NOT_FOUND"}]}"#,
        );
        assert_eq!(error.message(), "the server answered 404: directory not found");
        assert_eq!(error.code(), Some("RESOURCE_NOT_FOUND"));
        assert_eq!(error.request_id(), Some("req_1"));
        assert!(error.details().unwrap().starts_with('['));
        assert_eq!(refused(502, &[], "<html>").message(), "the server answered 502 Bad Gateway");
    }

    #[test]
    fn reads_retry_after_as_seconds_and_as_a_date() {
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
    fn a_wrong_shape_is_permanent_and_names_its_field_while_damaged_json_is_temporary() {
        #[derive(Debug, Deserialize)]
        struct Users {
            #[allow(dead_code, reason = "the test only decodes it")]
            users: Vec<User>,
        }
        let decode = |body: &str| decode::<Users>(StatusCode::CREATED, &HeaderMap::new(), body.as_bytes());
        let error = decode(r#"{"users":[{"id":"a"},{"id":"b","email":["ada@example.com"]}]}"#).unwrap_err();
        assert!(error.message().contains("`users[1].email`"), "{error}");
        assert!(!error.message().contains("ada"), "{error}");
        assert_eq!((error.kind(), error.status()), (ErrorKind::Decode, ErrorStatus::Permanent));
        assert_eq!(error.http_status(), Some(201));
        for body in [" [[],0]", "[[]]", "7", "null", r#""""#] {
            let error = decode(body).unwrap_err();
            assert_eq!((error.kind(), error.status()), (ErrorKind::Decode, ErrorStatus::Permanent), "{body}");
            assert!(error.message().starts_with("the answer is not what the contract says"), "{error}");
        }
        for body in ["<html>ada@example.com</html>", r#"{"users":[{"id":"ada"#, ""] {
            let error = decode(body).unwrap_err();
            assert_eq!((error.kind(), error.status()), (ErrorKind::Decode, ErrorStatus::Temporary));
            assert!(!error.message().contains("ada"), "{error}");
        }
    }
}

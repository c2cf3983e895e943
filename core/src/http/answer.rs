//! Interprets a server's answer: decodes the value, or makes the error.

use crate::clock::Clock;
use crate::error::Answer;
use crate::model::{plain_json_error, replace_lone_surrogates};
use crate::{Error, ErrorKind, Timestamp};
use http::{HeaderMap, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::time::Duration;

/// Longest part of a server's message that an error repeats, in characters.
const MAX_MESSAGE: usize = 300;
/// Longest part of a server's error code or request id that an error repeats, in characters.
const MAX_CODE: usize = 100;
/// Largest `details` that an error repeats, in bytes; larger ones are left out.
const MAX_DETAILS: usize = 16 << 10;
/// Longest part of a content type that an error repeats, in characters.
const MAX_CONTENT_TYPE: usize = 60;

/// Decodes the body of an answer with a status of 2xx.
///
/// If the body is not JSON or ends early, it was probably damaged in transit, so the error is temporary. If it is JSON of another shape, a
/// retry would return the same, so the error is permanent; it names the field.
///
/// Surrogates without a partner count as U+FFFD, so that one user's name with such a surrogate does not make the whole listing fail.
///
/// All answers of the API are objects. Arrays are refused here, because serde also reads a struct from an array: an empty array would be an empty
/// listing, and every user would count as removed.
pub(super) fn decode<T: DeserializeOwned>(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<T, Error> {
    let body = replace_lone_surrogates(body);
    let body = body.as_ref();
    let is_array = body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first == b'[');
    let decoded = match (is_array, std::str::from_utf8(body)) {
        // Fails, with the error that a map was expected.
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
                format!("{field} is not as the API documents it: {}", plain_json_error(&error)),
            )
        } else {
            let content_type =
                headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("no content type");
            let content_type = one_line(content_type, MAX_CONTENT_TYPE);
            let length = body.len();
            let reason = plain_json_error(&error);
            let message = if is_json(&content_type, body) {
                format!("the answer is damaged JSON ({length} bytes): {reason}")
            } else {
                format!("the answer is not JSON ({content_type}, {length} bytes): {reason}; check the environment URL")
            };
            Error::new(ErrorKind::Decode, message).temporary()
        };
        error.with_answer(Answer {
            http_status: Some(status.as_u16()),
            request_id: request_id(headers),
            ..Answer::default()
        })
    })
}

/// Returns whether an answer that cannot be parsed is damaged JSON. If so, it came from the API: the environment URL is not the cause.
fn is_json(content_type: &str, body: &[u8]) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
        || body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| matches!(first, b'{' | b'['))
}

/// A decoded answer.
#[derive(Debug)]
pub(crate) struct Dated<T> {
    pub(crate) value: T,
    /// The server's time, from the header `Date`, to the second; `None` if there was no such header or it was malformed.
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
    let body = replace_lone_surrogates(body);
    let body: Body = serde_json::from_slice(&body).unwrap_or_default();
    let code = body
        .details
        .as_ref()
        .and_then(|details| serde_json::from_str::<Vec<Detail>>(details.get()).ok())
        .and_then(|details| details.into_iter().find_map(|detail| detail.error_code))
        .or(body.error)
        .map(|code| one_line(&code, MAX_CODE));
    let reason = one_line(&body.message.or(body.error_description).unwrap_or_default(), MAX_MESSAGE);
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
        details: body.details.map(|details| details.get().to_owned()).filter(|details| details.len() <= MAX_DETAILS),
        request_id: request_id(headers),
        retry_after: retry_after(headers, clock),
    });
    match number {
        408 | 429 | 500 | 502 | 503 | 504 => error.temporary(),
        _ => error,
    }
}

/// Removes a secret of the request from the error, in case the server's answer repeats it: unencoded, and percent-encoded as in a form.
pub(super) fn without_secret(error: Error, secret: &str) -> Error {
    // A secret of a few characters occurs in other words by chance.
    const SHORTEST: usize = 6;
    if secret.len() < SHORTEST {
        return error;
    }
    let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let lenient = utf8_percent_encode(secret, FORM).to_string();
    error.redact(secret).redact(&encoded).redact(&lenient)
}

/// Characters that are percent-encoded in a form (the URL standard, application/x-www-form-urlencoded).
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

/// Joins the text's lines, drops characters that a terminal interprets instead of showing, and cuts the text to `most` characters.
fn one_line(text: &str, most: usize) -> String {
    // Of a long text, only the first `4 * most` characters are examined: more than `most`, because some of them are dropped.
    let text: String = text.chars().take(4 * most).collect();
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.retain(|character| !character.is_control() && !is_invisible(character));
    if let Some((end, _)) = line.char_indices().nth(most) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// Returns whether the character has no glyph and changes how others are shown: marks of writing direction, joiners, zero-width spaces.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = ["x-request-id", "request-id"].iter().find_map(|name| headers.get(*name)?.to_str().ok())?;
    Some(one_line(id, MAX_CODE))
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
    use crate::ErrorStatus;
    use crate::model::User;

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
    fn the_texts_of_a_server_in_an_error_have_no_control_characters_and_a_bounded_length() {
        let body = serde_json::json!({
            "message": format!("\u{1b}[31mred\r\n\u{202e}txt.exe {}", "x".repeat(1 << 20)),
            "error": format!("bad\u{7}\u{200b}code{}", "y".repeat(1 << 20)),
            "details": [{"text": "z".repeat(1 << 20)}],
        });
        let error = refused(400, &[("x-request-id", &"r".repeat(5000))], &body.to_string());
        assert!(error.message().starts_with("the server answered 400: [31mred txt.exe xxx"), "{error}");
        assert!(error.message().chars().count() < 400);
        assert!(error.code().unwrap().starts_with("badcodeyyy") && error.code().unwrap().chars().count() <= 101);
        assert_eq!(error.request_id().unwrap().chars().count(), 101);
        assert_eq!(error.details(), None);
    }

    #[test]
    fn the_error_of_damaged_json_does_not_suggest_a_wrong_url() {
        let headers: HeaderMap =
            [(header::CONTENT_TYPE, "application/json; charset=utf-8".parse().unwrap())].into_iter().collect();
        for (headers, body, damaged) in [
            (HeaderMap::new(), r#"{"id":"org_1","display_name":"#, true),
            (headers, "", true),
            (HeaderMap::new(), "<html></html>", false),
            (HeaderMap::new(), "", false),
        ] {
            let error = decode::<User>(StatusCode::OK, &headers, body.as_bytes()).unwrap_err();
            assert_eq!(error.message().contains("damaged JSON"), damaged, "{error}");
            assert_eq!(error.message().contains("check the environment URL"), !damaged, "{error}");
        }
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
            assert!(error.message().starts_with("the answer is not as the API documents it"), "{error}");
        }
        for body in ["<html>ada@example.com</html>", r#"{"users":[{"id":"ada"#, ""] {
            let error = decode(body).unwrap_err();
            assert_eq!((error.kind(), error.status()), (ErrorKind::Decode, ErrorStatus::Temporary));
            assert!(!error.message().contains("ada"), "{error}");
        }
    }
}

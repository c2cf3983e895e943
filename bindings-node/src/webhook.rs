//! Webhooks. A body is passed as bytes, or as the compact JSON of a parsed body; headers as a flat list in which names and values alternate.

use crate::errors::thrown;
use crate::json::{self, Json};
use crate::options::{Variables, read};
use headcount::internal::{catch_panic, header_bytes};
use headcount::webhook::{Headers, WEBHOOK_HEADERS};
use headcount::{Error, Event, Result, Timestamp, Webhook, WebhookBuilder};
use napi::bindgen_prelude::Either;
use serde::Deserialize;
use std::borrow::Cow;

/// Returns the names of the headers that verification reads: for `webhook-*` and for `interceptor-*`, those of the id, the timestamp and
/// the signature.
#[napi_derive::napi]
pub fn webhook_headers() -> Vec<Vec<&'static str>> {
    WEBHOOK_HEADERS.iter().map(|family| family.to_vec()).collect()
}

/// Headers as a flat list in which names and values alternate.
pub(crate) struct FlatHeaders(pub(crate) Vec<String>);

impl FlatHeaders {
    /// Returns pairs of a name and the bytes of its value.
    pub(crate) fn bytes(&self) -> Vec<(&str, Cow<'_, [u8]>)> {
        self.0.chunks_exact(2).map(|pair| (pair[0].as_str(), header_bytes(&pair[1]))).collect()
    }
}

/// The three `webhook-*` headers, each given once: the values of id, timestamp and signature, one on each line. Nearly every request has these
/// webhook headers and no others, and JavaScript passes one string faster than a list.
struct StandardHeaders<'a>(&'a str);

impl StandardHeaders<'_> {
    /// Returns `None` if a value is not ASCII or contains a line break: the caller passes a flat list then.
    fn new(lines: &str) -> Option<StandardHeaders<'_>> {
        (lines.is_ascii() && lines.bytes().filter(|byte| *byte == b'\n').count() == 2).then_some(StandardHeaders(lines))
    }
}

impl Headers for StandardHeaders<'_> {
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        WEBHOOK_HEADERS[0].iter().zip(self.0.split('\n')).for_each(|(name, value)| visit(name, value.as_bytes()));
    }
}

/// Encodes an event as one string: the length of each field of the envelope, as one character each; then the fields; then the data as JSON, which
/// JavaScript parses only when the data is read.
///
/// If a field has 128 bytes or more, or is not ASCII, the string is instead a NUL and a JSON array: the fields, and then the data's JSON as a string.
/// `webhook.js` decodes both, and has the same order of fields.
fn encode(event: &Event) -> Result<Json> {
    let occurred_at = event.occurred_at().to_string();
    let fields = [
        event.id(),
        event.message_id(),
        event.type_(),
        &occurred_at,
        event.environment_id(),
        event.organization_id(),
        event.object(),
        event.display_name(),
        event.spec_version(),
    ];
    let data = json::ascii(event.data().get());
    let short = |field: &&str| field.len() < 128 && field.is_ascii();
    if !fields.iter().all(short) {
        let mut all = fields.to_vec();
        all.push(&data);
        return Ok(format!("\0{}", json::string(&all)?).into());
    }
    let mut text = String::with_capacity(512 + data.len());
    text.extend(fields.iter().map(|field| char::from(field.len() as u8)));
    fields.iter().for_each(|field| text.push_str(field));
    text.push_str(&data);
    Ok(text.into())
}

/// Settings of a verifier.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WebhookOptions {
    tolerance_seconds: Option<f64>,
    max_body: Option<f64>,
}

/// Returns the settings of a verifier for these secrets, or for those of the environment variables if there is no list.
pub(crate) fn settings(secrets: Option<&[String]>, variables: &str) -> Result<WebhookBuilder> {
    let Some(secrets) = secrets else {
        let variables = Variables::read(variables)?;
        return WebhookBuilder::from_variables(|name| variables.get(name));
    };
    Ok(secrets.iter().fold(Webhook::builder(), |settings, text| settings.secret(text.as_str())))
}

/// Verifies and signs webhooks.
#[napi_derive::napi]
pub struct NativeWebhook(Webhook);

type Body<'a> = Either<&'a [u8], String>;

impl NativeWebhook {
    fn event(&self, headers: &(impl Headers + ?Sized), body: Body<'_>, now: Option<f64>) -> napi::Result<Json> {
        catch_panic(|| {
            let verified = match (body, moment(now)?) {
                (Either::A(raw), Some(now)) => self.0.verify_at(headers, raw, now),
                (Either::A(raw), None) => self.0.verify(headers, raw),
                (Either::B(compact), Some(now)) => self.0.verify_parsed_at(headers, &compact, now),
                (Either::B(compact), None) => self.0.verify_parsed(headers, &compact),
            };
            encode(&verified?)
        })
        .map_err(thrown)
    }

    fn signature(&self, headers: &(impl Headers + ?Sized), body: Body<'_>, now: Option<f64>) -> napi::Result<bool> {
        catch_panic(|| match (body, moment(now)?) {
            (Either::A(raw), Some(now)) => self.0.verify_signature_at(headers, raw, now),
            (Either::A(raw), None) => self.0.verify_signature(headers, raw),
            (Either::B(compact), Some(now)) => self.0.verify_parsed_signature_at(headers, &compact, now),
            (Either::B(compact), None) => self.0.verify_parsed_signature(headers, &compact),
        })
        .map(|()| true)
        .map_err(thrown)
    }
}

#[napi_derive::napi]
impl NativeWebhook {
    /// Makes a verifier for these secrets, or for those of the environment variables, which are passed as JSON, if there is no list.
    #[napi(constructor)]
    pub fn new(secrets: Option<Vec<String>>, variables: String, options: String) -> napi::Result<NativeWebhook> {
        catch_panic(|| {
            let WebhookOptions { tolerance_seconds, max_body } = read(&options)?;
            let mut settings = settings(secrets.as_deref(), &variables)?;
            if let Some(seconds) = tolerance_seconds {
                settings = settings.tolerance(crate::options::seconds("toleranceSeconds", seconds)?);
            }
            if let Some(bytes) = max_body {
                if !(bytes >= 0.0 && bytes.fract() == 0.0) {
                    return Err(Error::invalid_argument("maxBody is not a size: expected bytes, 0 or more"));
                }
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "an integer that is not negative"
                )]
                let bytes = bytes as usize;
                settings = settings.max_body(bytes);
            }
            settings.build()
        })
        .map(NativeWebhook)
        .map_err(thrown)
    }

    /// Returns the size limit of a body in bytes.
    #[napi(getter)]
    pub fn max_body(&self) -> f64 {
        self.0.max_body() as f64
    }

    /// Verifies a request with the standard headers (see [`StandardHeaders`]) and returns its event, or null if `verify` has to be called.
    #[napi]
    pub fn verify_standard(&self, headers: String, body: &[u8]) -> napi::Result<Option<Json>> {
        let Some(headers) = StandardHeaders::new(&headers) else { return Ok(None) };
        catch_panic(|| encode(&self.0.verify(&headers, body)?)).map(Some).map_err(thrown)
    }

    /// Verifies the signature of a request with the standard headers. Returns true, or null if `verify_signature` has to be called.
    #[napi]
    pub fn verify_standard_signature(&self, headers: String, body: &[u8]) -> napi::Result<Option<bool>> {
        let Some(headers) = StandardHeaders::new(&headers) else { return Ok(None) };
        catch_panic(|| self.0.verify_signature(&headers, body)).map(|()| Some(true)).map_err(thrown)
    }

    /// Verifies a request and returns its event. `now` is in Unix seconds.
    #[napi]
    pub fn verify(&self, headers: Vec<String>, body: Body<'_>, now: Option<f64>) -> napi::Result<Json> {
        self.event(&FlatHeaders(headers).bytes(), body, now)
    }

    /// Verifies the signature of a request and returns true. `now` is in Unix seconds.
    #[napi]
    pub fn verify_signature(&self, headers: Vec<String>, body: Body<'_>, now: Option<f64>) -> napi::Result<bool> {
        self.signature(&FlatHeaders(headers).bytes(), body, now)
    }

    /// Signs a body. Returns headers as a flat list; `timestamp` is in Unix seconds.
    #[napi]
    pub fn sign(&self, body: &[u8], id: Option<String>, timestamp: Option<f64>) -> napi::Result<Vec<String>> {
        catch_panic(|| {
            let seconds = moment(timestamp)?.map(|moment| moment.as_second());
            let signed = self.0.sign(body, id.as_deref(), seconds)?;
            Ok(signed.iter().into_iter().flat_map(|(name, value)| [name.to_owned(), value.to_owned()]).collect())
        })
        .map_err(thrown)
    }
}

/// Verifies the signature of a request with one secret or several separated by spaces, and returns true.
#[napi_derive::napi]
pub fn verify_payload(secret: String, headers: Vec<String>, body: Body<'_>) -> napi::Result<bool> {
    let headers = FlatHeaders(headers);
    catch_panic(|| match body {
        Either::A(raw) => headcount::webhook::verify_webhook_payload(&secret, &headers.bytes(), raw),
        Either::B(compact) => headcount::internal::verify_parsed_webhook_payload(&secret, &headers.bytes(), &compact),
    })
    .map(|()| true)
    .map_err(thrown)
}

/// Verifies the signature of an interceptor's request, as `verify_payload` does. Prefers the headers `interceptor-*`.
#[napi_derive::napi]
pub fn verify_interceptor_payload(secret: String, headers: Vec<String>, body: Body<'_>) -> napi::Result<bool> {
    let headers = FlatHeaders(headers);
    catch_panic(|| match body {
        Either::A(raw) => headcount::webhook::verify_interceptor_payload(&secret, &headers.bytes(), raw),
        Either::B(compact) => {
            headcount::internal::verify_parsed_interceptor_payload(&secret, &headers.bytes(), &compact)
        }
    })
    .map(|()| true)
    .map_err(thrown)
}

/// Does the same as `verify_payload`, with the headers in the form of [`StandardHeaders`]. Returns null if `verify_payload` has to be called.
#[napi_derive::napi]
pub fn verify_standard_payload(secret: String, headers: String, body: &[u8]) -> napi::Result<Option<bool>> {
    let Some(headers) = StandardHeaders::new(&headers) else { return Ok(None) };
    catch_panic(|| headcount::webhook::verify_webhook_payload(&secret, &headers, body))
        .map(|()| Some(true))
        .map_err(thrown)
}

/// Converts Unix seconds to a timestamp, rounded down to whole seconds.
pub(crate) fn moment(seconds: Option<f64>) -> Result<Option<Timestamp>> {
    let Some(seconds) = seconds else { return Ok(None) };
    #[allow(clippy::cast_possible_truncation, reason = "the cast saturates, and the conversion refuses the result")]
    Timestamp::from_second(if seconds.is_finite() { seconds.floor() as i64 } else { i64::MAX })
        .map(Some)
        .map_err(|_| Error::invalid_argument("the time is out of range: expected Unix seconds or a Date"))
}

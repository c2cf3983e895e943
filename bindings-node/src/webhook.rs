//! Webhooks: the body crosses as bytes, or as the text that a parsed one was printed to; the headers as names and values in turn.

use crate::errors::thrown;
use headcount::{Error, Event, Headers, Result, Timestamp, WEBHOOK_HEADERS, Webhook, catch_panic, header_bytes};
use napi::bindgen_prelude::{Either, Latin1String};
use std::borrow::Cow;

/// The names of the headers that verification looks at, by family: id, timestamp, signature.
#[napi_derive::napi]
pub fn webhook_headers() -> Vec<Vec<&'static str>> {
    WEBHOOK_HEADERS.iter().map(|family| family.to_vec()).collect()
}

/// Names and values in turn.
pub(crate) struct Flat(pub(crate) Vec<String>);

impl Flat {
    pub(crate) fn bytes(&self) -> Vec<(&str, Cow<'_, [u8]>)> {
        self.0.chunks_exact(2).map(|pair| (pair[0].as_str(), header_bytes(&pair[1]))).collect()
    }
}

/// The values of the headers that nearly every request has, each once: id, timestamp and signature, one a line. One text crosses the
/// border faster than three.
struct Usual<'a>(&'a str);

impl Usual<'_> {
    /// Nothing where a value is not plain ASCII, or has more than one line.
    fn new(text: &str) -> Option<Usual<'_>> {
        (text.is_ascii() && text.bytes().filter(|byte| *byte == b'\n').count() == 2).then_some(Usual(text))
    }
}

impl Headers for Usual<'_> {
    fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        WEBHOOK_HEADERS[0].iter().zip(self.0.split('\n')).for_each(|(name, value)| visit(name, value.as_bytes()));
    }
}

/// An event on its way across: the fields of its envelope, and its data as JSON, which nobody reads before it is asked for.
///
/// The fields are one text: how long each is, as a character each, then one after the other. Where that cannot be said (a field is
/// long, or holds more than ASCII), a NUL and a JSON array of them. `index.js` knows their order.
fn event(event: &Event) -> Result<Vec<Latin1String>> {
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
    let short = |field: &&str| field.len() < 128 && field.is_ascii();
    let envelope = if fields.iter().all(short) {
        let mut envelope = String::with_capacity(512);
        envelope.extend(fields.iter().map(|field| char::from(field.len() as u8)));
        fields.iter().for_each(|field| envelope.push_str(field));
        envelope
    } else {
        format!("\0{}", crate::json::text(&fields)?)
    };
    Ok(vec![envelope.into(), crate::json::ascii(event.data().get()).into()])
}

/// Verifies and signs.
#[napi_derive::napi]
pub struct NativeWebhook(Webhook);

type Body<'a> = Either<&'a [u8], String>;

impl NativeWebhook {
    fn event(
        &self,
        headers: &(impl Headers + ?Sized),
        body: Body<'_>,
        now: Option<f64>,
    ) -> napi::Result<Vec<Latin1String>> {
        catch_panic(|| {
            let verified = match (body, moment(now)?) {
                (Either::A(raw), Some(now)) => self.0.verify_at(headers, raw, now),
                (Either::A(raw), None) => self.0.verify(headers, raw),
                (Either::B(compact), Some(now)) => self.0.verify_parsed_at(headers, &compact, now),
                (Either::B(compact), None) => self.0.verify_parsed(headers, &compact),
            };
            event(&verified?)
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
    /// A verifier for these secrets, or for those of the environment.
    #[napi(constructor)]
    pub fn new(
        secrets: Option<Vec<String>>,
        tolerance_seconds: Option<f64>,
        max_body: Option<f64>,
    ) -> napi::Result<NativeWebhook> {
        catch_panic(|| {
            let mut settings = match secrets {
                None => headcount::WebhookBuilder::from_env()?,
                Some(secrets) => {
                    secrets.iter().fold(Webhook::builder(), |settings, text| settings.secret(text.as_str()))
                }
            };
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
                    reason = "a whole number that is not negative"
                )]
                let bytes = bytes as usize;
                settings = settings.max_body(bytes);
            }
            settings.build()
        })
        .map(NativeWebhook)
        .map_err(thrown)
    }

    /// The largest body that is looked at.
    #[napi(getter)]
    pub fn max_body(&self) -> f64 {
        self.0.max_body() as f64
    }

    /// The event, from the values of the usual headers, one a line. Nothing where they are not usual after all.
    #[napi]
    pub fn verify_usual(&self, headers: String, body: &[u8]) -> napi::Result<Option<Vec<Latin1String>>> {
        let Some(usual) = Usual::new(&headers) else { return Ok(None) };
        catch_panic(|| event(&self.0.verify(&usual, body)?)).map(Some).map_err(thrown)
    }

    /// True where the signature is right, as [`verify_usual`](NativeWebhook::verify_usual).
    #[napi]
    pub fn verify_usual_signature(&self, headers: String, body: &[u8]) -> napi::Result<Option<bool>> {
        let Some(usual) = Usual::new(&headers) else { return Ok(None) };
        catch_panic(|| self.0.verify_signature(&usual, body)).map(|()| Some(true)).map_err(thrown)
    }

    /// The event.
    #[napi]
    pub fn verify(&self, headers: Vec<String>, body: Body<'_>, now: Option<f64>) -> napi::Result<Vec<Latin1String>> {
        self.event(&Flat(headers).bytes(), body, now)
    }

    /// True where the signature is right.
    #[napi]
    pub fn verify_signature(&self, headers: Vec<String>, body: Body<'_>, now: Option<f64>) -> napi::Result<bool> {
        self.signature(&Flat(headers).bytes(), body, now)
    }

    /// Names and values in turn.
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

/// Verifies the signature of a request in one call.
#[napi_derive::napi]
pub fn verify_payload(secret: String, headers: Vec<String>, body: Body<'_>) -> napi::Result<bool> {
    let headers = Flat(headers);
    catch_panic(|| match body {
        Either::A(raw) => headcount::verify_webhook_payload(&secret, &headers.bytes(), raw),
        Either::B(compact) => headcount::verify_parsed_webhook_payload(&secret, &headers.bytes(), &compact),
    })
    .map(|()| true)
    .map_err(thrown)
}

/// [`verify_payload`] from the values of the usual headers, one a line. Nothing where they are not usual after all.
#[napi_derive::napi]
pub fn verify_usual_payload(secret: String, headers: String, body: &[u8]) -> napi::Result<Option<bool>> {
    let Some(usual) = Usual::new(&headers) else { return Ok(None) };
    catch_panic(|| headcount::verify_webhook_payload(&secret, &usual, body)).map(|()| Some(true)).map_err(thrown)
}

/// Unix seconds, as JavaScript counts them.
pub(crate) fn moment(seconds: Option<f64>) -> Result<Option<Timestamp>> {
    let Some(seconds) = seconds else { return Ok(None) };
    #[allow(clippy::cast_possible_truncation, reason = "what does not fit is out of range, and the next step says so")]
    Timestamp::from_second(if seconds.is_finite() { seconds.floor() as i64 } else { i64::MAX })
        .map(Some)
        .map_err(|_| Error::invalid_argument("the moment is out of range: expected Unix seconds, or a Date"))
}

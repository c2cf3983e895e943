//! An endpoint that verifies webhooks with the headers of the crate `http`.

use http::{HeaderMap, StatusCode};

/// Answers a webhook: 201 if it is verified, and 400 otherwise.
pub fn receive(webhook: &headcount::Webhook, headers: &HeaderMap, body: &[u8]) -> StatusCode {
    match webhook.verify(headers, body) {
        Ok(_) => StatusCode::CREATED,
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headcount::Webhook;
    use http::header::{HeaderName, HeaderValue};

    const BODY: &[u8] = br#"{"id":"evt_1","type":"organization.directory.user_created","data":{}}"#;

    fn signed(webhook: &Webhook) -> HeaderMap {
        let headers = webhook.sign(BODY, None, None).unwrap();
        let pairs = headers.iter().into_iter();
        pairs.map(|(name, value)| (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap())).collect()
    }

    #[test]
    fn a_signed_request_is_accepted_and_a_changed_one_is_not() {
        let webhook = Webhook::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let headers = signed(&webhook);

        assert_eq!(receive(&webhook, &headers, BODY), StatusCode::CREATED);
        assert_eq!(receive(&webhook, &headers, b"{}"), StatusCode::BAD_REQUEST);
        assert_eq!(receive(&webhook, &HeaderMap::new(), BODY), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn each_value_of_a_repeated_header_is_read() {
        let webhook = Webhook::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let mut headers = signed(&webhook);
        let valid = headers.insert("webhook-signature", HeaderValue::from_static("v1,b2xk")).unwrap();

        assert_eq!(receive(&webhook, &headers, BODY), StatusCode::BAD_REQUEST);
        headers.append("webhook-signature", valid);
        assert_eq!(receive(&webhook, &headers, BODY), StatusCode::CREATED);
    }
}

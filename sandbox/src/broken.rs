//! Responses that are reset, cut off or endless, for [`Fault`](crate::fault::Fault)s of the connection.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_LENGTH;
use axum::response::Response;
use futures_core::Stream;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Interval, interval};

/// Extension of a response that must not be sent: the connection is reset instead.
#[derive(Clone)]
struct Reset;

/// Makes a response that must not be sent, and whose connection is reset instead.
pub(crate) fn reset() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Reset);
    response
}

/// Returns whether the connection is to be reset instead of sending this response.
pub(crate) fn is_reset<B>(response: &axum::http::Response<B>) -> bool {
    response.extensions().get::<Reset>().is_some()
}

/// Makes a response with the `Content-Length` of the whole body and half of its bytes, after which the connection ends.
pub(crate) async fn truncate(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let half = body.slice(..body.len() / 2);
    Response::from_parts(head, Body::from_stream(Half { half: Some(half), flushed: false }))
}

/// Makes an endless body of one space a second.
pub(crate) fn drip() -> Body {
    Body::from_stream(Drip(interval(Duration::from_secs(1))))
}

/// A body of one space per tick.
struct Drip(Interval);

impl Stream for Drip {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        self.0.poll_tick(cx).map(|_| Some(Ok(Bytes::from_static(b" "))))
    }
}

/// A body that consists of the bytes in `half` and then an error, which closes the connection.
struct Half {
    half: Option<Bytes>,
    flushed: bool,
}

impl Stream for Half {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(half)));
        }
        if !self.flushed {
            // hyper flushes the head and the first half while the body is pending. Without this pause, the error would discard them.
            self.flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
    }
}

//! The sockets: a server of HTTP/1.1, and of HTTP/2 over TLS, whose connections can be made to break.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_LENGTH;
use axum::response::Response;
use futures_core::Stream;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Interval, interval};
use tokio_rustls::TlsAcceptor;
use tower_service::Service;

/// A response that is not to arrive in one piece.
pub(crate) struct Broken;

/// Marks a response that must not be sent at all.
#[derive(Clone)]
struct Reset;

impl Broken {
    /// The connection is reset instead.
    pub(crate) fn reset() -> Response {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(Reset);
        response
    }

    /// The length of the whole body, half of it, and the end of the connection.
    pub(crate) async fn truncate(response: Response) -> Response {
        let (mut head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        let half = body.slice(..body.len() / 2);
        Response::from_parts(head, Body::from_stream(Half { half: Some(half), sent: false }))
    }

    /// White space, a byte a second, for ever.
    pub(crate) fn drip() -> Body {
        Body::from_stream(Drip(interval(Duration::from_secs(1))))
    }
}

/// A byte a second.
struct Drip(Interval);

impl Stream for Drip {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        self.0.poll_tick(cx).map(|_| Some(Ok(Bytes::from_static(b" "))))
    }
}

/// Some bytes, time to send them, and then an error.
struct Half {
    half: Option<Bytes>,
    sent: bool,
}

impl Stream for Half {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(half)));
        }
        if !self.sent {
            // While the body waits, the server flushes what it has; an error at once would take the head along.
            self.sent = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
    }
}

/// Serves for ever.
pub(crate) async fn serve(listener: TcpListener, router: Router, tls: Option<TlsAcceptor>, connections: &AtomicU64) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.fetch_add(1, Ordering::Relaxed);
                let _ = stream.set_nodelay(true);
                tokio::spawn(open(stream, router.clone(), tls.clone()));
            }
            // Out of file descriptors, say: the next one may fare better.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn open(stream: TcpStream, router: Router, tls: Option<TlsAcceptor>) {
    let reset = Arc::new(AtomicBool::new(false));
    let socket = Socket { stream, reset: Arc::clone(&reset) };
    match tls {
        None => connection(socket, router, reset).await,
        // Whoever does not trust it hangs up.
        Some(tls) => {
            if let Ok(socket) = tls.accept(socket).await {
                connection(socket, router, reset).await;
            }
        }
    }
}

async fn connection<S>(socket: S, router: Router, reset: Arc<AtomicBool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(|request: hyper::Request<Incoming>| {
        let mut router = router.clone();
        let reset = Arc::clone(&reset);
        async move {
            let Ok(response) = router.call(request).await;
            if response.extensions().get::<Reset>().is_some() {
                reset.store(true, Ordering::SeqCst);
                return Err(io::Error::from(io::ErrorKind::ConnectionReset));
            }
            Ok(response)
        }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new());
    server.http2().timer(TokioTimer::new());
    // A connection that breaks, on either side, concerns nobody else.
    let _ = server.serve_connection(TokioIo::new(socket), service).await;
}

/// A socket that is reset when it is dropped, if asked: the peer reads an error instead of an end.
struct Socket {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.reset.load(Ordering::SeqCst) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

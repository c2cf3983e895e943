//! Accepts connections, with or without TLS, and serves HTTP/1.1 and HTTP/2 on them until the service ends.

use super::app::App;
use super::sender::Peer;
use super::settings::TlsFiles;
use crate::failure::Failure;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tower_service::Service;

/// How many connections are open at a time. Others wait in the queue of the system.
const CONNECTIONS: usize = 1_024;
/// How long the head of a request, and the TLS handshake, may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes an acceptor with the certificate in these files.
///
/// # Errors
///
/// If a file cannot be read, or the key is not that of the certificate.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, Failure> {
    let failed = |path: &Path, error: &dyn Display| {
        Failure::usage(format!("{}: expected a certificate chain and its key in PEM format: {error}", path.display()))
    };
    let TlsFiles { certificate, key } = files;
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| failed(certificate, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, &error))?;
    let provider = headcount::internal::tls::provider()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|error| failed(certificate, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Serves until the service ends, and then until the requests that were accepted are answered, for `limit` at most.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<TlsAcceptor>,
    app: Arc<App>,
    limit: Duration,
) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = Arc::new(GracefulShutdown::new());
    let accepting = async {
        loop {
            // Not closed, so that this cannot fail.
            let Ok(place) = Arc::clone(&connections).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let _ = stream.set_nodelay(true);
                    let (router, tls, watcher) = (router.clone(), tls.clone(), graceful.watcher());
                    let open = app.metrics.connection();
                    tokio::spawn(async move {
                        serve_stream(stream, Peer(peer), router, tls, watcher).await;
                        drop((place, open));
                    });
                }
                // For example, the process has too many open files. A later attempt may succeed.
                Err(error) => {
                    tracing::warn!(target: "headcount", "a connection could not be accepted: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    };
    let _ = app.ending.run_until_cancelled(accepting).await;
    drop(listener);
    if let Some(graceful) = Arc::into_inner(graceful)
        && tokio::time::timeout(limit, graceful.shutdown()).await.is_err()
    {
        tracing::warn!(target: "headcount", "requests were not answered in time: their connections are closed");
    }
}

/// Serves one connection, after a TLS handshake if `tls` is set.
async fn serve_stream(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    tls: Option<TlsAcceptor>,
    watcher: hyper_util::server::graceful::Watcher,
) {
    match tls {
        None => serve_connection(stream, peer, router, watcher).await,
        Some(tls) => {
            // The handshake fails if, for example, the client does not trust the certificate. The client notices that.
            if let Ok(Ok(stream)) = tokio::time::timeout(HEAD_TIMEOUT, tls.accept(stream)).await {
                serve_connection(stream, peer, router, watcher).await;
            }
        }
    }
}

async fn serve_connection<S>(stream: S, peer: Peer, router: Router, watcher: hyper_util::server::graceful::Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().call(request.map(Body::new))
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    server.http2().timer(TokioTimer::new()).keep_alive_interval(Duration::from_secs(30)).max_concurrent_streams(100);
    let connection = server.serve_connection(TokioIo::new(stream), service).into_owned();
    // An error ends this connection only, and the client notices it.
    let _ = watcher.watch(connection).await;
}

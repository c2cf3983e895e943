//! A server on a plain socket whose answers a test defines byte by byte.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

use headcount::client::RetryPolicy;
use headcount::{Client, ClientBuilder};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const TOKEN: &str = r#"{"access_token":"t0ken","token_type":"bearer","expires_in":3600}"#;

/// A server that answers each request by a function of the test, and counts requests. Token requests are numbered from 0, and so are all other
/// requests.
pub struct Server {
    pub url: String,
    /// Number of token requests.
    tokens: Arc<AtomicUsize>,
    /// Number of other requests.
    calls: Arc<AtomicUsize>,
    /// Number of open connections.
    open: Arc<AtomicUsize>,
}

/// The answer to one request.
#[derive(Clone)]
pub enum Reply {
    /// An answer with a status and a body. The first text may have, after the status, a newline and headers that each end with `\r\n`.
    Http(&'static str, String),
    /// These bytes, after which the connection is closed.
    Raw(String),
    /// No answer: the connection is closed.
    Close,
    /// No answer: the connection stays open until the client closes it.
    Hang,
    /// A body of one byte every 50 ms, until the client closes the connection.
    Drip,
    /// Another kind of reply after a delay.
    Late(Duration, Box<Reply>),
}

/// Returns a reply with the status 200 and this body.
pub fn ok(body: &str) -> Reply {
    Reply::Http("200 OK", body.to_owned())
}

impl Server {
    /// Starts the server. `token` answers token requests by their number; `call` answers all others by their number and text.
    pub async fn start(
        token: impl Fn(usize) -> Reply + Send + Sync + 'static,
        call: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tokens, calls, open) = (Arc::default(), Arc::default(), Arc::default());
        let server = Server { url, tokens: Arc::clone(&tokens), calls: Arc::clone(&calls), open: Arc::clone(&open) };
        let behaviour = Arc::new((token, call));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (behaviour, tokens, calls) = (Arc::clone(&behaviour), Arc::clone(&tokens), Arc::clone(&calls));
                let open = Arc::clone(&open);
                tokio::spawn(async move {
                    open.fetch_add(1, Ordering::SeqCst);
                    serve(stream, |request| {
                        if request.starts_with("POST /oauth/token ") {
                            behaviour.0(tokens.fetch_add(1, Ordering::SeqCst))
                        } else {
                            behaviour.1(calls.fetch_add(1, Ordering::SeqCst), request)
                        }
                    })
                    .await;
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        server
    }

    /// Makes a client of this server with short waits between attempts.
    pub fn client(&self) -> Client {
        self.with(|builder| builder)
    }

    /// Makes a client of this server with short waits between attempts and the settings that `set` changes.
    pub fn with(&self, set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
        let quick =
            RetryPolicy { max_attempts: 3, base: Duration::from_millis(1), cap: Duration::from_millis(2), budget: 100 };
        set(Client::builder(&self.url, "skc_1", "test_secret").retry(quick).timeout(Duration::from_secs(20)))
            .build()
            .unwrap()
    }

    /// Waits until every connection has been closed.
    pub async fn all_closed(&self) {
        while self.open.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Returns the number of token requests and the number of other requests.
    pub fn counts(&self) -> (usize, usize) {
        (self.tokens.load(Ordering::SeqCst), self.calls.load(Ordering::SeqCst))
    }
}

/// Answers the requests of one connection until a reply or the client closes it.
async fn serve(mut stream: TcpStream, answer: impl Fn(&str) -> Reply) {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&buffer[..at]).to_ascii_lowercase();
                let length =
                    head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
                let end = at + 4 + length.unwrap_or(0_usize);
                if buffer.len() >= end {
                    break end;
                }
            }
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        };
        let request = String::from_utf8_lossy(&buffer[..end]).into_owned();
        buffer.drain(..end);
        let mut reply = answer(&request);
        if let Reply::Late(wait, later) = reply {
            tokio::time::sleep(wait).await;
            reply = *later;
        }
        match reply {
            Reply::Http(status, body) => {
                let (status, headers) = status.split_once('\n').unwrap_or((status, ""));
                let text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len());
                if stream.write_all(text.as_bytes()).await.is_err() {
                    return;
                }
            }
            Reply::Raw(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
                return;
            }
            Reply::Close => return,
            Reply::Hang => {
                let _ = stream.read_buf(&mut buffer).await;
                return;
            }
            Reply::Drip => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n").await;
                while stream.write_all(b" ").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                return;
            }
            Reply::Late(..) => unreachable!("a late reply contains another kind of reply"),
        }
    }
}

//! An HTTP server on this machine that records requests, and answers with the statuses that a test chooses.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub(crate) struct Endpoint {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    statuses: Arc<Mutex<VecDeque<u16>>>,
}

#[derive(Clone)]
pub(crate) struct Request {
    /// The header lines, in lower case.
    pub(crate) head: String,
    /// The headers as they were sent, with names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    /// Returns the value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")))
    }
}

impl Endpoint {
    /// Starts a server that answers with these statuses, and with 204 after them.
    pub(crate) fn start(statuses: &[u16]) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = Endpoint {
            url: format!("http://{}/hook?key=t0ken", listener.local_addr().unwrap()),
            requests: Arc::default(),
            statuses: Arc::new(Mutex::new(statuses.iter().copied().collect())),
        };
        let (requests, statuses) = (Arc::clone(&endpoint.requests), Arc::clone(&endpoint.statuses));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (requests, statuses) = (Arc::clone(&requests), Arc::clone(&statuses));
                std::thread::spawn(move || serve(stream, &requests, &statuses));
            }
        });
        endpoint
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

/// Answers the requests of one connection.
fn serve(stream: TcpStream, requests: &Mutex<Vec<Request>>, statuses: &Mutex<VecDeque<u16>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if !matches!(reader.read_line(&mut head), Ok(1..)) {
                return;
            }
        }
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        let headers = lines.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
        let head = head.to_lowercase().replace('\r', "");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        requests.lock().unwrap().push(Request { head, headers, body: String::from_utf8(body).unwrap() });
        let status = statuses.lock().unwrap().pop_front().unwrap_or(204);
        let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

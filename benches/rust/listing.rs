//! Measures the CPU time of a listing with headcount, and of one by a loop over reqwest that decodes the same type; and the time of concurrent listings.
//! `benches/bench_listing.py` runs this program, and compares it with other libraries:
//!
//! - `listing headcount URL CA_FILE` and `listing reqwest URL CA_FILE`, for `benches/listing/server.mjs`;
//! - `listing concurrent ENVIRONMENT_URL CLIENT_ID CLIENT_SECRET`, for a sandbox.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, missing_docs, reason = "a benchmark")]

use cpu_time::ProcessTime;
use headcount::Client;
use headcount::model::User;
use serde::Deserialize;
use std::io::Write;
use std::time::{Duration, Instant};

/// Number of listings that are measured together, because the CPU clock is too coarse for one.
const ROUNDS: u32 = 10;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // For the measured reqwest client, which uses the provider of cryptography that is installed for the process.
    let _ = (*headcount::internal::tls::provider().unwrap()).clone().install_default();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["headcount", url, ca_file] => headcount(url, ca_file).await,
        ["reqwest", url, ca_file] => by_hand(url, ca_file).await,
        ["concurrent", url, id, secret] => concurrent(url, id, secret).await,
        _ => println!("run by benches/bench_listing.py"),
    }
}

/// The number of users, and the total number of characters in their email addresses. The addresses are read so that the compiler cannot remove the
/// decoding.
#[derive(Default)]
struct Counts {
    users: usize,
    email_chars: usize,
}

impl Counts {
    fn add(&mut self, page: &[User]) {
        self.users += page.len();
        self.email_chars += page.iter().map(|user| user.email.chars().count()).sum::<usize>();
    }
}

/// Prints the result of [`ROUNDS`] listings as a line of JSON.
fn print(name: &str, version: &str, seen: &Counts, cpu: Duration, wall: Duration) {
    let line = serde_json::json!({
        "name": name,
        "version": version,
        "users": seen.users / ROUNDS as usize,
        "cpu_us_per_user": (cpu.as_secs_f64() * 1e8 / seen.users as f64).round() / 100.0,
        "wall_ms": (wall / ROUNDS).as_millis() as u64,
        "max_rss_mb": max_rss_mb(),
        "email_chars": seen.email_chars / ROUNDS as usize,
    });
    println!("{line}");
}

/// Returns the peak memory of this process in units of 1,024 × 1,024 bytes, or 0 if it is not known.
fn max_rss_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().map_or(0.0, |kb| (kb / 102.4).round() / 10.0)
}

/// Measures listings with headcount's client.
async fn headcount(url: &str, ca_file: &str) {
    let client = Client::builder(url, "skc_1", "secret").ca_file(ca_file).proxy("").build().unwrap();
    let list = async |seen: &mut Counts| {
        let mut pages = client.directories().users("org_1", "dir_1").include_detail(true).pages();
        while let Some(page) = pages.next().await.unwrap() {
            seen.add(&page.items);
        }
    };
    list(&mut Counts::default()).await;
    let (mut seen, cpu, wall) = (Counts::default(), ProcessTime::now(), Instant::now());
    for _ in 0..ROUNDS {
        list(&mut seen).await;
    }
    print("headcount", env!("CARGO_PKG_VERSION"), &seen, cpu.elapsed(), wall.elapsed());
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

#[derive(Deserialize)]
struct Page {
    users: Vec<User>,
    next_page_token: String,
}

/// Measures listings by a loop over reqwest that decodes the same type of users.
async fn by_hand(url: &str, ca_file: &str) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let authority = reqwest::Certificate::from_pem(&std::fs::read(ca_file).unwrap()).unwrap();
    let client = reqwest::Client::builder().tls_certs_merge([authority]).no_proxy().build().unwrap();
    let form = [("grant_type", "client_credentials"), ("client_id", "skc_1"), ("client_secret", "secret")];
    let answer =
        client.post(format!("{url}/oauth/token")).form(&form).send().await.unwrap().error_for_status().unwrap();
    let token: Token = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let users = format!("{url}/api/v1/organizations/org_1/directories/dir_1/users?page_size=30&include_detail=true");
    let list = async |seen: &mut Counts| {
        let mut next = String::new();
        loop {
            let url = if next.is_empty() { users.clone() } else { format!("{users}&page_token={next}") };
            let answer =
                client.get(url).bearer_auth(&token.access_token).send().await.unwrap().error_for_status().unwrap();
            let page: Page = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
            seen.add(&page.users);
            next = page.next_page_token;
            if next.is_empty() {
                break;
            }
        }
    };
    list(&mut Counts::default()).await;
    let (mut seen, cpu, wall) = (Counts::default(), ProcessTime::now(), Instant::now());
    for _ in 0..ROUNDS {
        list(&mut seen).await;
    }
    print("reqwest, by hand", "0.13", &seen, cpu.elapsed(), wall.elapsed());
}

/// Finds all directories, prints `ready`, waits for a line of the standard input, and lists all directories at the same time. Prints the numbers of users
/// and requests, and the seconds that the listings took.
async fn concurrent(url: &str, id: &str, secret: &str) {
    let client = Client::builder(url, id, secret).build().unwrap();
    let mut pages = client.organizations().list().pages();
    let mut directories = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        for organization in page.items {
            directories.extend(client.directories().list(&organization.id).await.unwrap());
        }
    }
    println!("ready");
    std::io::stdout().flush().unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let (before, started) = (client.stats().requests, Instant::now());
    let listings: Vec<_> = directories
        .into_iter()
        .map(|directory| {
            let mut pages = client.directories().users(&directory.organization_id, &directory.id).pages();
            tokio::spawn(async move {
                let mut users = 0;
                while let Some(page) = pages.next().await.unwrap() {
                    users += page.items.len();
                }
                users
            })
        })
        .collect();
    let mut users = 0;
    for listing in listings {
        users += listing.await.unwrap();
    }
    let (requests, seconds) = (client.stats().requests - before, started.elapsed().as_secs_f64());
    println!("{}", serde_json::json!({ "users": users, "requests": requests, "seconds": seconds }));
}

//! The service: its API on both stores, who may use it, what it does with webhooks and syncs, and how it ends.

use crate::setup::{Running, Setup, on_both_stores, program, run, until};
use headcount::Webhook;
use headcount_sandbox::{EventOverrides, NewUser, event_body};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TOKEN: &str = "a-token-that-may-write-0123456789";
const READ_TOKEN: &str = "a-token-that-may-read-0123456789";

/// A running service.
struct Service {
    running: Running,
    address: SocketAddr,
    token: Option<String>,
}

/// An answer to a request.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn items(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()["items"].as_array().unwrap().clone()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")))
    }
}

impl Service {
    fn start(setup: &Setup, options: &[&str]) -> Service {
        Service::with(setup, options, &[])
    }

    fn with(setup: &Setup, options: &[&str], variables: &[(&str, &str)]) -> Service {
        let mut command = setup.command(&[&["serve", "--listen", "127.0.0.1:0"][..], options].concat());
        let running = Running::start(command.envs(variables.iter().copied()));
        let mut address = None;
        until("the address", || {
            let out = running.out();
            let line =
                out.strip_prefix("listening on http").and_then(|rest| rest.trim_start_matches('s').strip_prefix("://"));
            address = line.filter(|_| out.ends_with('\n')).map(|text| text.trim().parse().unwrap());
            address.is_some() || running.has_ended()
        });
        let address = address.unwrap_or_else(|| panic!("{}", running.err()));
        let token = variables.iter().find(|(name, _)| *name == "HEADCOUNT_TOKEN").map(|(_, token)| (*token).to_owned());
        Service { running, address, token }
    }

    fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], "")
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, &[("content-type", "application/json")], &body.to_string())
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let authorization = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let mut headers = headers.to_vec();
        if let Some(value) = &authorization
            && !headers.iter().any(|(name, _)| *name == "authorization")
        {
            headers.push(("authorization", value));
        }
        request(self.address, method, path, &headers, body).unwrap()
    }

    /// Sends SIGTERM and waits for the end. Returns what the service wrote to stderr.
    fn terminate(self) -> String {
        self.running.signal("TERM");
        let ended = self.running.end();
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        ended.err
    }
}

/// Sends a request and reads the answer to the end of the connection.
fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> std::io::Result<Answer> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        text += &format!("host: {address}\r\n");
    }
    if !headers.iter().any(|(name, _)| *name == "content-length" || *name == "transfer-encoding") {
        text += &format!("content-length: {}\r\n", body.len());
    }
    headers.iter().for_each(|(name, value)| text += &format!("{name}: {value}\r\n"));
    text += "\r\n";
    text += body;
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(90)))?;
    // The service may answer, and close the connection, before it has read all of the body.
    let _ = stream.write_all(text.as_bytes());
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    let answer = String::from_utf8_lossy(&bytes).into_owned();
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return Err(read.err().unwrap_or(std::io::ErrorKind::UnexpectedEof.into()));
    };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    Ok(Answer { status, head: head.to_lowercase(), body: body.to_owned() })
}

/// Starts a service without a schedule, whose mirror has the users of the sandbox.
fn synced(setup: &Setup) -> Service {
    setup.out(&["sync"]);
    Service::start(setup, &["--sync-every", "off"])
}

/// Sends a signed event for a new user, and returns the status of the answer, or `None` if there was no answer.
fn send_hire(setup: &Setup, address: SocketAddr, number: usize) -> Option<u16> {
    let overrides = EventOverrides {
        id: Some(format!("evt_{number}")),
        organization_id: Some(setup.sandbox.organization_id().to_owned()),
        directory_id: Some(setup.sandbox.directory_id().to_owned()),
        ..EventOverrides::default()
    };
    let mut body: Value =
        serde_json::from_str(&event_body("organization.directory.user_created", &overrides).unwrap()).unwrap();
    body["data"]["id"] = json!(format!("diruser_hired{number}"));
    body["data"]["email"] = json!(format!("hired{number}@example.com"));
    let text = body.to_string();
    let signed = Webhook::new(setup.sandbox.webhook_secret()).unwrap().sign(text.as_bytes(), None, None).unwrap();
    let headers: Vec<(&str, &str)> = signed.iter().into_iter().collect();
    request(address, "POST", "/webhooks", &headers, &text).ok().map(|answer| answer.status)
}

on_both_stores! {
    fn the_api_reads_what_is_mirrored(setup) {
        let service = synced(&setup);
        let (organization, directory) = (setup.sandbox.organization_id(), setup.sandbox.directory_id());
        assert_eq!(service.get("/v1/status").items()[0]["users"], 6);
        assert_eq!(service.get("/v1/directories").items()[0]["id"], *directory);
        let first = service.get(&format!("/v1/users?organization_id={organization}&limit=4"));
        let next = first.json()["next"].as_str().unwrap().to_owned();
        let rest = service.get(&format!("/v1/users?organization_id={organization}&limit=4&after={next}"));
        assert_eq!((first.items().len(), rest.items().len()), (4, 2));
        assert_eq!(rest.json()["next"], Value::Null);
        let user = &first.items()[0];
        let (id, email) = (user["id"].as_str().unwrap(), user["email"].as_str().unwrap());
        assert_eq!(service.get(&format!("/v1/users/{id}")).json(), *user);
        assert_eq!(service.get(&format!("/v1/users-by-email?email={}", email.to_uppercase())).items()[0]["id"], *id);
        assert_eq!(service.get(&format!("/v1/users/{id}/explanation")).json()["state"], "present");
        assert_eq!(service.get(&format!("/v1/users/{id}/history")).items()[0]["kinds"][0], "user.created");
        let groups = service.get(&format!("/v1/groups?organization_id={organization}")).items();
        assert_eq!(groups.len(), 2);
        assert_eq!(service.get(&format!("/v1/groups/{}", groups[0]["id"].as_str().unwrap())).json(), groups[0]);
        assert_eq!(service.get("/v1/runs").items()[0]["outcome"], "done");
        let export = service.get(&format!("/v1/export?organization_id={organization}&format=ndjson"));
        assert_eq!(export.body.matches("\"user_id\"").count(), 6, "{export:?}");
        assert_eq!(service.get("/v1/users/diruser_unknown").status, 404);
        service.terminate();
    }

    fn a_consumer_gets_changes_until_it_acknowledges_them(setup) {
        let service = synced(&setup);
        let changes = service.get("/v1/consumers/app/changes?limit=5").items();
        assert_eq!(changes.len(), 5);
        assert_eq!(service.get("/v1/consumers/app/changes?limit=5").items(), changes);
        let seq = &changes[4]["seq"];
        assert_eq!(service.post("/v1/consumers/app/acknowledgement", &json!({ "seq": seq })).status, 204);
        let next = service.get("/v1/consumers/app/changes?limit=1").items();
        assert_eq!(next[0]["seq"], json!(seq.as_i64().unwrap() + 1));
        let park = json!({ "seq": next[0]["seq"], "reason": "no account" });
        assert_eq!(service.post("/v1/consumers/app/parked", &park).status, 204);
        let parked = service.get("/v1/consumers/app/parked").items();
        assert_eq!(parked[0]["reason"], "no account");
        assert_eq!(service.request("DELETE", &format!("/v1/consumers/app/parked/{}", next[0]["seq"]), &[], "").status, 204);
        assert_eq!(service.post("/v1/consumers/other/acknowledgement", &json!({ "seq": 1 })).status, 404);
        assert_eq!(service.get("/v1/consumers").items()[0]["name"], "app");
        assert_eq!(service.request("DELETE", "/v1/consumers/app", &[], "").status, 204);
        assert!(service.get("/v1/consumers").items().is_empty());
        service.terminate();
    }

    fn a_webhook_reaches_a_client_that_waits_for_changes(setup) {
        let service = synced(&setup);
        let last = setup.json(&["changes", "--consumer", "app"]).len();
        setup.sandbox.register_endpoint(&format!("http://{}/webhooks", service.address)).unwrap();
        let address = service.address;
        let waiting = std::thread::spawn(move || request(address, "GET", "/v1/consumers/app/changes?wait=60", &[], "").unwrap());
        let new = NewUser { email: "grace@example.com".to_owned(), ..NewUser::default() };
        setup.sandbox.create_user(new).unwrap();
        let changes = waiting.join().unwrap().items();
        assert!(last > 6 && changes[0]["kind"] == "user.created", "{changes:?}");
        assert_eq!(changes[0]["after"]["email"], "grace@example.com");
        until("the delivery", || setup.sandbox.deliveries().iter().all(|delivery| delivery.attempts.last().is_some_and(|attempt| attempt.status == Some(201))));
        service.terminate();
    }

    fn a_hold_is_decided_about_with_the_api(setup) {
        setup.out(&["sync"]);
        let user = setup.json(&["users"])[0]["id"].as_str().unwrap().to_owned();
        let service = Service::start(&setup, &["--sync-every", "off"]);
        let protection = format!("/v1/users/{user}/protection");
        let reason = json!({ "reason": "last admin" }).to_string();
        assert_eq!(service.request("PUT", &protection, &[("content-type", "application/json")], &reason).status, 204);
        setup.sandbox.delete_user(&user).unwrap();
        let organization = setup.sandbox.organization_id();
        let planned = service.post(&format!("/v1/organizations/{organization}/plan"), &json!({ "mode": "full" })).json();
        assert_eq!((&planned["outcome"], &planned["holds"][0]["count"]), (&json!("held"), &json!(1)));
        let synced = service.post("/v1/sync", &json!({ "mode": "full" }));
        assert_eq!(synced.items()[0]["outcome"], "held");
        let hold = service.get("/v1/holds").items()[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(service.get(&format!("/v1/holds/{hold}/users")).items()[0]["id"], *user);
        let decision = json!({ "by": "ops@example.com", "note": "left" });
        assert_eq!(service.post("/v1/holds/hold_0/approve", &decision).status, 404);
        assert_eq!(service.post(&format!("/v1/holds/{hold}/approve"), &decision).json(), json!({ "users": 1 }));
        assert_eq!(service.get(&format!("/v1/users/{user}")).status, 404);
        service.terminate();
    }

    fn one_service_of_a_mirror_syncs_and_another_one_takes_over(setup) {
        let options = ["--sync-every", "1s"];
        let first = Service::start(&setup, &options);
        until("the first sync", || !first.get("/v1/status").items().is_empty());
        let second = Service::start(&setup, &options);
        let leads = |service: &Service| service.get("/metrics").body.contains("headcount_serve_leads 1\n");
        assert!(leads(&first) && !leads(&second));
        first.terminate();
        until("the take-over", || leads(&second));
        let before = setup.json(&["runs"]).len();
        until("a sync of the second service", || second.get("/metrics").body.contains("headcount_serve_syncs_total{outcome=\"done\"}"));
        assert!(before >= 1);
        second.terminate();
    }

    // Events are sent while the service is killed, started again and terminated. Each answer 201 means that the event is stored.
    fn no_accepted_webhook_is_lost_when_the_service_ends(setup) {
        const EVENTS: usize = 300;
        let setup = Arc::new(setup);
        setup.out(&["sync"]);
        let accepted: Arc<Mutex<BTreeSet<usize>>> = Arc::default();
        for signal in ["KILL", "TERM", "TERM"] {
            let service = Service::start(&setup, &["--sync-every", "off"]);
            let sent = Arc::new(AtomicUsize::new(0));
            let senders: Vec<_> = (0..4)
                .map(|sender| {
                    let (setup, accepted, sent, address) =
                        (Arc::clone(&setup), Arc::clone(&accepted), Arc::clone(&sent), service.address);
                    std::thread::spawn(move || {
                        for number in (sender..EVENTS).step_by(4) {
                            if accepted.lock().unwrap().contains(&number) {
                                continue;
                            }
                            match send_hire(&setup, address, number) {
                                Some(201) => assert!(accepted.lock().unwrap().insert(number)),
                                Some(status) => panic!("event {number} was answered with {status}"),
                                // The service has ended.
                                None => return,
                            }
                            sent.fetch_add(1, Ordering::SeqCst);
                        }
                    })
                })
                .collect();
            until("some events", || sent.load(Ordering::SeqCst) >= 20);
            service.running.signal(signal);
            senders.into_iter().for_each(|sender| sender.join().unwrap());
            let ended = service.running.end();
            assert!(signal == "KILL" || ended.code == Some(0), "{}", ended.err);
        }
        let users: BTreeSet<String> = setup.json(&["users"]).iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect();
        let accepted = accepted.lock().unwrap();
        assert!(accepted.len() >= 60);
        for number in accepted.iter() {
            assert!(users.contains(&format!("diruser_hired{number}")), "event {number} was lost");
        }
        // Each change is in the feed once, although an event whose answer was lost was sent again.
        let changes = setup.json(&["changes", "--consumer", "check"]);
        let created = changes.iter().filter(|change| change["kind"] == "user.created");
        let ids: Vec<&Value> = created.map(|change| &change["after"]["id"]).collect();
        let distinct: BTreeSet<&str> = ids.iter().filter_map(|id| id.as_str()).collect();
        assert_eq!(ids.len(), distinct.len());
    }
}

#[test]
fn two_hundred_clients_wait_at_a_time_and_all_get_the_change() {
    let setup = Setup::sqlite();
    let service = synced(&setup);
    for number in 0..200 {
        service.get(&format!("/v1/consumers/c{number}/changes?limit=1"));
    }
    let last = setup.json(&["changes", "--consumer", "other"]).last().unwrap()["seq"].as_i64().unwrap();
    let address = service.address;
    let clients: Vec<_> = (0..200)
        .map(|number| {
            let path = format!("/v1/consumers/c{number}/changes?wait=60&after={last}");
            std::thread::spawn(move || request(address, "GET", &path, &[], "").unwrap().items())
        })
        .collect();
    until("the connections", || {
        let metrics = service.get("/metrics").body;
        let count = metrics.lines().find_map(|line| line.strip_prefix("headcount_serve_connections "));
        count.and_then(|count| count.parse::<u32>().ok()).is_some_and(|count| count > 200)
    });
    assert_eq!(send_hire(&setup, address, 1), Some(201));
    for client in clients {
        assert_eq!(client.join().unwrap()[0]["after"]["id"], "diruser_hired1");
    }
    service.terminate();
}

#[test]
fn sigterm_ends_the_waits_of_clients_with_an_empty_answer() {
    let setup = Setup::sqlite();
    let service = synced(&setup);
    setup.out(&["changes", "--consumer", "app"]);
    let address = service.address;
    let waiting =
        std::thread::spawn(move || request(address, "GET", "/v1/consumers/app/changes?wait=60", &[], "").unwrap());
    until("the request", || service.get("/metrics").body.contains("headcount_serve_connections 2\n"));
    service.terminate();
    assert!(waiting.join().unwrap().items().is_empty());
}

#[test]
fn a_token_permits_what_its_scope_says() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    let tokens = [("HEADCOUNT_TOKEN", TOKEN), ("HEADCOUNT_READ_TOKEN", READ_TOKEN)];
    let service = Service::with(&setup, &["--sync-every", "off"], &tokens);
    let ask = |method: &str, path: &str, authorization: &str| {
        let answer = request(
            service.address,
            method,
            path,
            &[("authorization", authorization), ("content-type", "application/json")],
            "{}",
        );
        answer.unwrap()
    };
    let (write, read) = (format!("Bearer {TOKEN}"), format!("bearer {READ_TOKEN}"));
    assert_eq!(ask("GET", "/v1/status", &write).status, 200);
    assert_eq!(ask("GET", "/v1/status", &read).status, 200);
    assert_eq!(ask("POST", "/v1/sync", &write).status, 200);
    let refused = ask("POST", "/v1/sync", &read);
    assert_eq!((refused.status, &refused.json()["error"]["kind"]), (403, &json!("permission_denied")));
    assert_eq!(ask("GET", "/v1/consumers/app/changes", &read).status, 403);
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(request(service.address, "GET", path, &[], "").unwrap().status, 200, "{path}");
    }
    for path in ["/v1/status", "/metrics"] {
        let refused = request(service.address, "GET", path, &[], "").unwrap();
        assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("bearer")), "{path}");
    }
    let err = service.terminate();
    assert!(!err.contains(TOKEN) && !err.contains(READ_TOKEN), "{err}");
}

#[test]
fn wrong_tokens_are_limited_and_right_ones_are_not() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    let service = Service::with(&setup, &["--sync-every", "off"], &[("HEADCOUNT_TOKEN", TOKEN)]);
    let ask = |token: &str| service.request("GET", "/v1/status", &[("authorization", &format!("Bearer {token}"))], "");
    for _ in 0..10 {
        assert_eq!(ask("a-token-that-is-wrong-0123456789").status, 401);
    }
    let limited = ask("a-token-that-is-wrong-0123456789");
    assert_eq!(limited.status, 429);
    assert!(limited.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    assert_eq!(ask(TOKEN).status, 200);
    service.terminate();
}

#[test]
fn requests_for_other_names_and_from_other_sites_are_refused() {
    let setup = Setup::sqlite();
    let service = synced(&setup);
    let port = service.address.port();
    let ask = |method: &str, headers: &[(&str, &str)]| service.request(method, "/v1/status", headers, "").status;
    assert_eq!(ask("GET", &[("host", &format!("localhost:{port}"))]), 200);
    // DNS rebinding: a name of the attacker leads to this address.
    assert_eq!(ask("GET", &[("host", &format!("evil.example:{port}"))]), 421);
    assert_eq!(ask("GET", &[("host", "")]), 421);
    assert_eq!(ask("GET", &[("origin", "https://evil.example")]), 403);
    assert_eq!(ask("GET", &[("sec-fetch-site", "cross-site")]), 403);
    assert_eq!(ask("GET", &[("origin", &format!("http://{}", service.address))]), 200);
    let form = [("origin", "https://evil.example"), ("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(service.request("POST", "/signin", &form, "token=x").status, 403);
    service.terminate();
    let named = Service::start(&setup, &["--sync-every", "off", "--host", "headcount.example"]);
    assert_eq!(named.request("GET", "/healthz", &[("host", "headcount.example")], "").status, 200);
    assert_eq!(named.request("GET", "/healthz", &[("host", "localhost")], "").status, 421);
    named.terminate();
}

#[test]
fn bodies_that_are_too_large_or_not_objects_are_refused() {
    let setup = Setup::sqlite();
    let service = synced(&setup);
    let json = ("content-type", "application/json");
    let ask = |path: &str, headers: &[(&str, &str)], body: &str| service.request("POST", path, headers, body).status;
    assert_eq!(ask("/v1/sync", &[json, ("content-length", "1000000000")], ""), 413);
    let large = format!("{{\"mode\":\"{}\"}}", "x".repeat(70_000));
    assert_eq!(ask("/v1/sync", &[json], &large), 413);
    let chunked = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    assert_eq!(ask("/v1/sync", &[json, ("transfer-encoding", "chunked")], &chunked), 413);
    assert_eq!(ask("/v1/sync", &[json], "[null]"), 400);
    assert_eq!(ask("/v1/sync", &[json], "{\"mode\":\"all\"}"), 400);
    assert_eq!(ask("/v1/sync", &[json], "{"), 400);
    assert_eq!(ask("/v1/sync", &[("content-type", "text/plain")], "{}"), 415);
    assert_eq!(ask("/webhooks", &[("content-length", "1000000000")], ""), 413);
    assert_eq!(ask("/webhooks", &[], "{}"), 400);
    assert_eq!(service.request("PATCH", "/v1/sync", &[], "").status, 405);
    service.terminate();
}

#[test]
fn ids_and_names_may_have_slashes_quotes_and_unicode() {
    let setup = Setup::sqlite();
    let service = synced(&setup);
    for name in ["a%2Fb", "%22quoted%22", "%27%3B--", "caf%C3%A9", "%F0%9F%98%80", "..", "%2e%2e%2f", "a%20b%3Fc%23d"] {
        assert_eq!(service.get(&format!("/v1/users/{name}")).status, 404, "{name}");
        assert_eq!(service.get(&format!("/v1/consumers/{name}/changes?limit=1")).items().len(), 1, "{name}");
    }
    assert_eq!(service.get("/v1/consumers").items().len(), 8);
    assert_eq!(service.get("/v1/users/%FF").status, 400);
    assert_eq!(service.get(&format!("/v1/consumers/{}/changes", "x".repeat(201))).status, 400);
    service.terminate();
}

#[test]
fn https_is_served_with_a_certificate() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let (certificate_file, key_file) = (setup.folder.join("certificate.pem"), setup.folder.join("key.pem"));
    std::fs::write(&certificate_file, certificate.pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let (certificate_file, key_file) = (certificate_file.display().to_string(), key_file.display().to_string());
    let options = ["--sync-every", "off", "--tls-certificate", &certificate_file, "--tls-key", &key_file];
    let service = Service::start(&setup, &options);
    assert!(service.running.out().starts_with("listening on https://"));
    // A client without TLS gets no answer, and the service goes on.
    assert!(request(service.address, "GET", "/healthz", &[], "").is_err());
    let url = format!("https://localhost:{}/readyz", service.address.port());
    let trusted = reqwest::Certificate::from_pem(certificate.pem().as_bytes()).unwrap();
    let address = service.address;
    let status = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        // reqwest takes the provider that is installed for the process.
        let provider = headcount::internal::tls::provider().unwrap();
        let _ = Arc::unwrap_or_clone(provider).install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([trusted])
            .resolve("localhost", address)
            .build()
            .unwrap();
        client.get(url).send().await.unwrap().status().as_u16()
    });
    assert_eq!(status, 200);
    service.terminate();
    let swapped = setup.run(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--tls-certificate",
        &key_file,
        "--tls-key",
        &certificate_file,
    ]);
    assert_eq!(swapped.code, Some(2));
    assert!(swapped.err.contains("expected a certificate chain and its key in PEM format"), "{}", swapped.err);
}

#[test]
fn wrong_settings_are_named() {
    let setup = Setup::sqlite();
    let config = setup.folder.join("headcount.toml").display().to_string();
    std::fs::write(&config, "listen = '127.0.0.1:0'\nport = 8080\n").unwrap();
    for (arguments, expected) in [
        (&["--listen", "0.0.0.0:0"][..], "other machines can reach 0.0.0.0:0: set HEADCOUNT_TOKEN"),
        (&["--listen", "localhost"], "listen: expected an IP address and a port"),
        (&["--sync-every", "often"], "sync_every: expected a length of time"),
        (&["--token-file", "missing"], "missing cannot be read"),
        (&["--config", &config], "unknown field `port`"),
    ] {
        let ended = setup.run(&[&["serve"][..], arguments].concat());
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(expected), "{arguments:?}: {}", ended.err);
    }
    let ended = run(program(&["serve", "--listen", "127.0.0.1:0"]).current_dir(&setup.folder));
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("SCALEKIT_ENVIRONMENT_URL"), "{}", ended.err);
    let weak = run(setup.command(&["serve", "--listen", "127.0.0.1:0"]).env("HEADCOUNT_TOKEN", "hunter2"));
    assert!(weak.code == Some(2) && !weak.err.contains("hunter2"), "{}", weak.err);
}

#[test]
fn an_address_in_use_is_an_error() {
    let setup = Setup::sqlite();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ended = setup.run(&["serve", "--listen", &taken.local_addr().unwrap().to_string()]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("cannot be listened on"), "{}", ended.err);
}

#[test]
fn a_store_of_another_environment_is_not_synced() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    // The host is compared before anything is requested from it.
    let other = "https://other.example";
    let service = Service::with(&setup, &["--sync-every", "1s"], &[("SCALEKIT_ENVIRONMENT_URL", other)]);
    until("the error", || service.running.err().contains("the sync failed"));
    assert_eq!(service.get("/v1/status").items()[0]["users"], 6);
    service.terminate();
}

#[test]
fn the_settings_are_shown_without_secrets() {
    let setup = Setup::sqlite();
    let config = setup.folder.join("headcount.toml").display().to_string();
    std::fs::write(
        &config,
        "store = 'postgresql://app:s3cret@db/app'\nsync_every = '1h'\nhosts = ['headcount.example']\n",
    )
    .unwrap();
    let mut command = program(&["serve", "--config", &config, "--listen", "127.0.0.1:9000", "--print-config"]);
    let ended = run(command.env("HEADCOUNT_TOKEN", TOKEN));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(
        ended.out,
        "store = \"postgresql://app@db/app\"\nlisten = \"127.0.0.1:9000\"\nsync_every = \"1h\"\nhosts = [\"headcount.example\"]\nwrong_tokens = 10\nshutdown_timeout = \"30s\"\n"
    );
}

#[test]
fn a_service_without_an_account_serves_what_is_mirrored() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    let mut command = program(&["serve", "--listen", "127.0.0.1:0", "--sync-every", "off", "--json"]);
    let running = Running::start(command.env("HEADCOUNT_STORE", &setup.store));
    until("the address", || running.out().ends_with('\n'));
    let line: Value = serde_json::from_str(&running.out()).unwrap();
    let address = line["url"].as_str().unwrap().trim_start_matches("http://").parse().unwrap();
    assert_eq!(request(address, "GET", "/v1/status", &[], "").unwrap().items().len(), 1);
    let synced = request(address, "POST", "/v1/sync", &[("content-type", "application/json")], "{}").unwrap();
    assert_eq!((synced.status, &synced.json()["error"]["kind"]), (409, &json!("config")));
    assert_eq!(request(address, "POST", "/webhooks", &[], "{}").unwrap().status, 404);
    running.signal("TERM");
    assert_eq!(running.end().code, Some(0));
}

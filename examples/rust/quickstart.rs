//! Lists an organization's directory, then waits for the webhook of a new user.
//!
//! Reads `SCALEKIT_ENVIRONMENT_URL`, `SCALEKIT_CLIENT_ID`, `SCALEKIT_CLIENT_SECRET` and `SCALEKIT_WEBHOOK_SECRET`. Ends after one
//! valid and one invalid request to its endpoint; `make demo` sends both.
#![allow(clippy::print_stdout, reason = "the program's output")]

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use headcount::{Client, Webhook};
use serde_json::Value;
use std::error::Error;
use std::sync::Arc;
use tokio::sync::mpsc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::from_env()?;

    let page = client.organizations().list().page_size(5).send().await?;
    println!("{} organizations; the first is {} ({})", page.total_size, page.items[0].display_name, page.items[0].id);
    let organization = &page.items[0];

    let directory = client.directories().primary(&organization.id).await?;
    println!("its directory is {} ({}), with {} users", directory.name, directory.id, directory.total_users);

    let users = client.directories().users(&organization.id, &directory.id).page_size(3).send().await?;
    for user in &users.items {
        println!("  {} {} <{}>", user.given_name, user.family_name, user.email);
    }
    let mut total = 0;
    let mut pages = client.directories().users(&organization.id, &directory.id).pages();
    while let Some(page) = pages.next().await? {
        total += page.items.len();
    }
    println!("  … {total} in total");

    let groups = client.directories().groups(&organization.id, &directory.id).send().await?;
    let names: Vec<_> = groups.items.iter().map(|group| group.display_name.as_str()).collect();
    println!("its groups are {}", names.join(", "));

    let (answered, mut answers) = mpsc::channel(8);
    let endpoint = Arc::new(Endpoint { webhook: Webhook::from_env()?, answered });
    let router = Router::new().route("/api/webhook/user-access", post(receive)).with_state(endpoint);
    let port = std::env::var("PORT").unwrap_or_else(|_| "0".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}/api/webhook/user-access", listener.local_addr()?);
    let after_both = async move {
        let (mut accepted, mut refused) = (false, false);
        while !(accepted && refused) {
            match answers.recv().await {
                Some(StatusCode::CREATED) => accepted = true,
                Some(_) => refused = true,
                None => break,
            }
        }
    };
    axum::serve(listener, router).with_graceful_shutdown(after_both).await?;
    Ok(())
}

struct Endpoint {
    webhook: Webhook,
    answered: mpsc::Sender<StatusCode>,
}

/// Verifies the unchanged bytes of the body: the signature may not match JSON that was parsed and written again.
async fn receive(State(endpoint): State<Arc<Endpoint>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let status = match endpoint.webhook.verify(&headers, &body) {
        Ok(event) => {
            let data: Value = event.data().decode().unwrap_or_default();
            println!("verified {}: create an account for {}", event.type_(), data["email"]);
            StatusCode::CREATED
        }
        Err(error) => {
            println!("refused: {error}");
            StatusCode::BAD_REQUEST
        }
    };
    let _ = endpoint.answered.send(status).await;
    status
}

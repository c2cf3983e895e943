//! The page of a running sandbox over HTTP: what each view shows, what each form does, and which requests are refused.

use super::router;
use headcount::internal::tls;
use headcount_sandbox::{DeliveryState, NewGroup, NewUser, Sandbox, UserChange};
use reqwest::header::{HOST, LOCATION, ORIGIN};
use reqwest::{Client, StatusCode};
use std::time::Duration;

struct Page {
    sandbox: Sandbox,
    client: Client,
    csrf: String,
}

struct Answer {
    status: StatusCode,
    location: String,
    text: String,
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status();
    let location = response.headers().get(LOCATION).map(|value| value.to_str().unwrap().to_owned());
    Answer { status, location: location.unwrap_or_default(), text: response.text().await.unwrap() }
}

impl Page {
    /// Starts a sandbox of six users and two groups, with its page.
    async fn start() -> Page {
        let sandbox = Sandbox::builder().users(6).groups(2).start_with(router).unwrap();
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tls_backend_preconfigured(tls::config(tls::SystemRoots::Unused, Vec::new()).unwrap())
            .build()
            .unwrap();
        let mut page = Page { sandbox, client, csrf: String::new() };
        let text = page.text("/").await;
        let csrf = text.split("name=\"csrf\" value=\"").nth(1).unwrap();
        page.csrf = csrf.split('"').next().unwrap().to_owned();
        page
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.environment_url())
    }

    async fn get(&self, path: &str) -> Answer {
        answer(self.client.get(self.url(path))).await
    }

    /// Gets a page, which has to exist, and returns its text.
    async fn text(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        answer.text
    }

    /// Sends a form of this process.
    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let fields: Vec<(&str, &str)> =
            [("csrf", self.csrf.as_str())].into_iter().chain(fields.iter().copied()).collect();
        answer(self.client.post(self.url(path)).form(&fields)).await
    }

    /// Sends a form, which has to be accepted, and returns the text of the page to which it leads.
    async fn done(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.send(path, fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}: {}", answer.text);
        let text = self.text(answer.location.split('#').next().unwrap()).await;
        assert!(text.contains("role=\"status\" tabindex=\"-1\""), "{}: {text}", answer.location);
        text
    }

    /// Sends a form, which has to be shown again with this error, and returns the text of the page.
    async fn wrong(&self, path: &str, fields: &[(&str, &str)], error: &str) -> String {
        let answer = self.send(path, fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {}", answer.text);
        assert!(
            answer.text.contains("Nothing was changed.") && answer.text.contains(error),
            "{error}: {}",
            answer.text
        );
        answer.text
    }

    fn directory(&self) -> String {
        format!("/directories/{}", self.sandbox.directory_id())
    }

    fn hire(&self, email: &str) -> String {
        self.sandbox.create_user(NewUser { email: email.to_owned(), ..NewUser::default() }).unwrap().id
    }

    /// Waits until the newest delivery is in this state, and returns its message id.
    async fn settled(&self, state: DeliveryState) -> String {
        loop {
            if let Some(delivery) = self.sandbox.deliveries().pop().filter(|delivery| delivery.state == state) {
                return delivery.message_id;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Starts an endpoint that answers with markup. Returns its URL.
async fn endpoint() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/hook", axum::routing::post(async || "<script>alert(2)</script>"));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

// ---- the views ---------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_overview_has_the_directories_and_hides_the_secrets() {
    let page = Page::start().await;
    let text = page.text("/").await;
    assert!(text.contains(&format!("href=\"{}\"", page.directory())), "{text}");
    assert!(text.contains("Acme, ") && text.contains("No call fails."), "{text}");
    let (before, details) = text.split_once("<details class=\"numbers\" id=\"connect\">").unwrap();
    assert!(!before.contains(page.sandbox.client_secret()), "{before}");
    let (details, after) = details.split_once("</details>").unwrap();
    assert!(
        details.contains(&format!("export SCALEKIT_CLIENT_SECRET='{}'", page.sandbox.client_secret())),
        "{details}"
    );
    assert!(!after.contains(page.sandbox.client_secret()), "{after}");
}

#[tokio::test]
async fn calls_of_the_api_are_counted_on_the_overview_and_those_of_the_page_are_not() {
    let page = Page::start().await;
    assert!(page.text("/").await.contains("None yet."));
    let client = page.sandbox.client().build().unwrap();
    client.organizations().list().send().await.unwrap();
    let text = page.text("/").await;
    assert!(text.contains("<bdi>GET /api/v1/organizations</bdi>"), "{text}");
}

#[tokio::test]
async fn users_are_searched_in_all_directories_and_in_one() {
    let page = Page::start().await;
    let ada = page.hire("ada.king@example.com");
    for path in ["/users".to_owned(), page.directory()] {
        let all = page.text(&path).await;
        assert!(all.contains("7 users") && all.contains(&format!("href=\"/users/{ada}\"")), "{all}");
        let found = page.text(&format!("{path}?q=ADA.King")).await;
        assert!(found.contains("1 user<") && found.contains(&format!("href=\"/users/{ada}\"")), "{found}");
        assert!(page.text(&format!("{path}?q=nobody")).await.contains("No users."));
    }
}

#[tokio::test]
async fn a_long_list_of_users_has_pages() {
    let page = Page::start().await;
    for number in 0..60 {
        page.hire(&format!("user{number}@example.com"));
    }
    let first = page.text("/users?q=example.com").await;
    assert!(first.contains("href=\"/users?q=example.com&amp;page=2\""), "{first}");
    assert!(first.contains("user49@example.com") && !first.contains("user50@example.com"), "{first}");
    let second = page.text("/users?q=example.com&page=2").await;
    assert!(second.contains("user59@example.com") && !second.contains("page=3"), "{second}");
}

#[tokio::test]
async fn names_bodies_and_responses_are_escaped() {
    let page = Page::start().await;
    page.sandbox.register_endpoint(&endpoint().await).unwrap();
    let script = "<script>alert(1)</script>";
    let group = page.sandbox.create_group(NewGroup { display_name: script.to_owned(), ..NewGroup::default() }).unwrap();
    let mallory = NewUser {
        email: format!("{script}@example.com"),
        given_name: script.to_owned(),
        title: Some(script.to_owned()),
        groups: vec![group.id.clone()],
        ..NewUser::default()
    };
    let user = page.sandbox.create_user(mallory).unwrap();
    let message = page.settled(DeliveryState::Delivered).await;
    for path in [
        "/".to_owned(),
        "/users".to_owned(),
        page.directory(),
        format!("{}/groups", page.directory()),
        format!("/users/{}", user.id),
        format!("/groups/{}", group.id),
        "/webhooks".to_owned(),
        format!("/webhooks/{message}"),
        "/users?q=%3Cscript%3Ealert(1)".to_owned(),
        "/?done=%3Cscript%3Ealert(1)".to_owned(),
    ] {
        let text = page.text(&path).await;
        assert!(!text.contains("<script>") && !text.contains("alert(1)\"<"), "{path}: {text}");
        assert_eq!(text.matches("<script").count(), 1, "{path}");
    }
    let text = page.text(&format!("/webhooks/{message}")).await;
    assert!(text.contains("&lt;script&gt;alert(2)&lt;/script&gt;"), "{text}");
}

#[tokio::test]
async fn what_does_not_exist_has_a_page_that_says_so() {
    let page = Page::start().await;
    for path in
        ["/users/diruser_0", "/groups/dirgroup_0", "/directories/dir_0", "/directories/dir_0/groups", "/webhooks/msg_0"]
    {
        let answer = page.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.text.contains("<h1>Not Found</h1>"), "{path}: {}", answer.text);
    }
    // The API's own answer is that of the vendor.
    assert!(page.get("/api/v2").await.text.starts_with('{'));
}

#[tokio::test]
async fn pages_have_the_policy() {
    let page = Page::start().await;
    let response = page.client.get(page.url("/")).send().await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';"), "{policy}");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
}

// ---- forms -------------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_user_is_hired_changed_moved_deactivated_and_fired() {
    let page = Page::start().await;
    let groups = page.text(&format!("{}/groups", page.directory())).await;
    let group = groups.split("href=\"/groups/").nth(1).unwrap().split('"').next().unwrap();
    let form =
        [("do", "hire"), ("email", " ada@example.com "), ("given_name", "Ada"), ("title", "Analyst"), ("group", group)];
    let text = page.done(&page.directory(), &form).await;
    assert!(text.contains("The user was created.") && text.contains("<bdi>Analyst</bdi>"), "{text}");
    let found = page.text("/users?q=ada%40example.com").await;
    let user = format!("/users/{}", found.split("href=\"/users/").nth(1).unwrap().split('"').next().unwrap());
    assert!(text.contains(&format!("value=\"{group}\" checked")), "{text}");

    let change = [
        ("do", "change"),
        ("email", "king@example.com"),
        ("given_name", "Ada"),
        ("family_name", "King"),
        ("preferred_username", "aking"),
        ("title", "Countess"),
    ];
    let text = page.done(&user, &change).await;
    assert!(
        text.contains("The user was changed.")
            && text.contains("<bdi>Ada King</bdi>")
            && text.contains("value=\"aking\""),
        "{text}"
    );
    let text = page.done(&user, &[("do", "move")]).await;
    assert!(!text.contains("checked"), "{text}");
    assert!(page.done(&user, &[("do", "deactivate")]).await.contains("Reactivate the user"));
    assert!(page.done(&user, &[("do", "reactivate")]).await.contains("Deactivate the user"));
    let text = page.done(&user, &[("do", "fire")]).await;
    assert!(text.contains("The user was deleted.") && text.contains("6 users"), "{text}");
    assert_eq!(page.get(&user).await.status, StatusCode::NOT_FOUND);
    assert_eq!(page.send(&user, &[("do", "fire")]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_wrong_value_is_named_and_what_was_entered_stays() {
    let page = Page::start().await;
    let user = format!("/users/{}", page.hire("ada@example.com"));
    let form = [("do", "hire"), ("email", "nobody"), ("given_name", "\"Ada\" <b>"), ("title", "Analyst")];
    let text = page.wrong(&page.directory(), &form, "email: expected an address").await;
    assert!(text.contains("value=\"nobody\"") && text.contains("value=\"&quot;Ada&quot; &lt;b&gt;\""), "{text}");
    assert!(text.contains("aria-invalid=\"true\" aria-describedby=\"wrong\""), "{text}");
    assert!(text.contains("value=\"Analyst\""), "{text}");

    let change = [("do", "change"), ("email", ""), ("given_name", "Ada")];
    page.wrong(&user, &change, "email: expected an address").await;
    assert!(page.text(&user).await.contains("value=\"ada@example.com\""));
    page.wrong(&user, &[("do", "move"), ("groups", "dirgroup_0")], "there is no group").await;
    for percent in ["0", "101", "-1", "x", ""] {
        let text = page.wrong(&page.directory(), &[("do", "leave"), ("percent", percent)], "percent: expected").await;
        assert!(text.contains(&format!("name=\"percent\" value=\"{percent}\"")), "{text}");
    }
    let groups = format!("{}/groups", page.directory());
    page.wrong(&groups, &[("do", "group"), ("display_name", "  ")], "display_name: expected a name").await;
    page.wrong("/", &[("do", "advance"), ("by", "6 weeks")], "by: expected a time").await;
    let form = [("do", "break"), ("fault", "reset"), ("faults", "nonsense"), ("every", "3")];
    let text = page.wrong("/", &form, "unknown fault").await;
    assert!(
        text.contains("value=\"reset\" selected")
            && text.contains("value=\"nonsense\"")
            && text.contains("value=\"3\""),
        "{text}"
    );
    page.wrong("/", &[("do", "break"), ("fault", "reset"), ("every", "0")], "every: expected a whole number").await;
    page.wrong("/webhooks", &[("do", "register"), ("url", "http://169.254.169.254/")], "is not on this machine").await;
    page.wrong("/webhooks", &[("do", "slow"), ("delay", "later")], "delay: expected a time").await;
}

#[tokio::test]
async fn a_part_of_a_directory_leaves_and_the_directory_is_disabled_and_enabled() {
    let page = Page::start().await;
    let text = page.done(&page.directory(), &[("do", "leave"), ("percent", "50")]).await;
    assert!(text.contains("3 users"), "{text}");
    assert!(page.done(&page.directory(), &[("do", "disable")]).await.contains("Enable the directory"));
    assert!(page.done(&page.directory(), &[("do", "enable")]).await.contains("Disable the directory"));
}

#[tokio::test]
async fn a_group_is_created_renamed_and_deleted() {
    let page = Page::start().await;
    let groups = format!("{}/groups", page.directory());
    let answer = page.send(&groups, &[("do", "group"), ("display_name", "Pilots")]).await;
    let group = answer.location.split('?').next().unwrap().to_owned();
    assert!(page.text(&group).await.contains("<bdi>Pilots</bdi>"));
    let id = group.rsplit('/').next().unwrap();
    page.sandbox.add_member(id, &page.hire("ada@example.com")).unwrap();
    assert!(page.text(&group).await.contains("<bdi>ada@example.com</bdi>"));
    let text = page.done(&group, &[("do", "rename"), ("display_name", "Aviators")]).await;
    assert!(text.contains("<bdi>Aviators</bdi>"), "{text}");
    let text = page.done(&group, &[("do", "dissolve")]).await;
    assert!(text.contains("The group was deleted.") && !text.contains("Aviators"), "{text}");
}

#[tokio::test]
async fn the_api_is_broken_and_mended_and_the_clock_advanced() {
    let page = Page::start().await;
    let form = [("do", "break"), ("fault", "503"), ("faults", "429:7, reset"), ("every", "2")];
    let text = page.done("/", &form).await;
    assert!(text.contains("One of 2 calls has a fault") && text.contains("503, 429:7, reset"), "{text}");
    let text = page.done("/", &[("do", "mend")]).await;
    assert!(text.contains("No call fails."), "{text}");
    let user = page.hire("ada@example.com");
    page.done("/", &[("do", "advance"), ("by", "2d")]).await;
    assert!(page.text(&format!("/users/{user}")).await.contains("2 d ago"));
}

#[tokio::test]
async fn a_webhook_is_delayed_delivered_shown_and_sent_again() {
    let page = Page::start().await;
    let url = endpoint().await;
    assert!(page.text("/webhooks").await.contains("None yet: register an endpoint"));
    let text = page.done("/webhooks", &[("do", "register"), ("url", &url)]).await;
    assert!(text.contains(&format!("<bdi>{url}</bdi>")), "{text}");
    let text = page.done("/webhooks", &[("do", "slow"), ("delay", "5m")]).await;
    assert!(text.contains("delayed by 5m"), "{text}");
    page.hire("ada@example.com");
    let waiting = page.settled(DeliveryState::Pending).await;
    let text = page.text("/webhooks").await;
    assert!(
        text.contains(">Waiting</span>")
            && text.contains("next attempt")
            && (text.contains("in 5 min") || text.contains("in 4 min")),
        "{text}"
    );
    page.done("/", &[("do", "advance"), ("by", "5m")]).await;
    let message = page.settled(DeliveryState::Delivered).await;
    assert_eq!(message, waiting);

    let path = format!("/webhooks/{message}");
    let text = page.text(&path).await;
    for part in [
        "webhook-signature: v1,",
        &format!("webhook-id: {message}"),
        "content-type: text/plain",
        "ada@example.com",
        ">200</span>",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = page.done(&path, &[("do", "again")]).await;
    assert!(text.contains("The webhook is sent again."), "{text}");
    while page.sandbox.deliveries()[0].attempts.len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(page.text(&path).await.contains("Attempt 2"));
    let text = page.done("/webhooks", &[("do", "slow"), ("delay", "0")]).await;
    assert!(text.contains("A webhook is sent at once."), "{text}");
    let text = page.done("/webhooks", &[("do", "remove"), ("url", &url)]).await;
    assert!(text.contains("webhooks are sent to nobody"), "{text}");
    assert_eq!(page.send("/webhooks", &[("do", "remove"), ("url", &url)]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn old_deliveries_are_on_further_pages() {
    let page = Page::start().await;
    page.sandbox.register_endpoint("http://127.0.0.1:9/").unwrap();
    for number in 0..60 {
        page.hire(&format!("user{number}@example.com"));
    }
    let text = page.text("/webhooks").await;
    assert_eq!(text.matches("href=\"/webhooks/msg_").count(), 50);
    assert!(text.contains("href=\"/webhooks?before=10\""), "{text}");
    let text = page.text("/webhooks?before=10").await;
    assert_eq!(text.matches("href=\"/webhooks/msg_").count(), 10);
    assert!(!text.contains("?before=0"), "{text}");
}

// ---- security ----------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let page = Page::start().await;
    let user = page.hire("ada@example.com");
    let paths =
        ["/", "/webhooks", &page.directory(), &format!("{}/groups", page.directory()), &format!("/users/{user}")];
    for path in paths {
        for csrf in ["", "guess"] {
            let sent = page.client.post(page.url(path)).form(&[("csrf", csrf), ("do", "fire")]);
            let answer = answer(sent).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
            assert!(answer.text.contains("The form is not from this sandbox."), "{}", answer.text);
        }
    }
    let form = [("csrf", page.csrf.as_str()), ("do", "fire")];
    let path = page.url(&format!("/users/{user}"));
    for (name, value) in [(HOST, "evil.example"), (ORIGIN, "http://evil.example"), (ORIGIN, "null")] {
        let status = answer(page.client.post(&path).form(&form).header(name.clone(), value)).await.status;
        assert_eq!(status, StatusCode::FORBIDDEN, "{name}: {value}");
        let status = answer(page.client.get(&path).header(name.clone(), value)).await.status;
        assert_eq!(status, StatusCode::FORBIDDEN, "{name}: {value}");
    }
    page.text(&format!("/users/{user}")).await;
}

#[tokio::test]
async fn each_sandbox_has_a_form_token_of_its_own() {
    let (one, other) = (Page::start().await, Page::start().await);
    assert_eq!(one.csrf.len(), 32);
    assert_ne!(one.csrf, other.csrf);
}

#[tokio::test]
async fn a_malformed_form_is_a_bad_request() {
    let page = Page::start().await;
    let sent = page.client.post(page.url("/")).header("content-type", "application/json").body("{}");
    assert_eq!(answer(sent).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(page.send("/", &[("do", "nonsense")]).await.status, StatusCode::BAD_REQUEST);
    let long = "x".repeat(20_000);
    assert_eq!(page.send("/", &[("do", "advance"), ("by", &long)]).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer(page.client.delete(page.url("/users"))).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_browser_is_told_that_something_changed() {
    let page = Page::start().await;
    let user = page.hire("ada@example.com");
    let mut live = page.client.get(page.url("/live")).send().await.unwrap();
    assert_eq!(live.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    while !text.contains("event: hello") {
        text += &String::from_utf8_lossy(&live.chunk().await.unwrap().unwrap());
    }
    // The task may look for the first time after a change, so there is more than one.
    for number in 0.. {
        let change = UserChange { title: Some(number.to_string()), ..UserChange::default() };
        page.sandbox.update_user(&user, change).unwrap();
        if let Ok(chunk) = tokio::time::timeout(Duration::from_secs(2), live.chunk()).await {
            text += &String::from_utf8_lossy(&chunk.unwrap().unwrap());
            break;
        }
    }
    assert!(text.contains("event: changed"), "{text}");
}

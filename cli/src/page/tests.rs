//! The routes of the page, with a mirror of a sandbox: what each view shows, and who may decide about holds.

use super::{Viewer, router, sign_in};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use headcount::Mirror;
use headcount::mirror::{RoleMapEntry, SyncMode, SyncOutcome};
use headcount_sandbox::{Fault, NewUser, Sandbox, SandboxBuilder, UserChange};
use tower::ServiceExt;

const CSRF: &str = "the-token-of-this-session";

struct Page {
    sandbox: Sandbox,
    mirror: Mirror,
    router: Router,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Page {
    /// Makes a page about a sandbox that has not been synced.
    async fn of(sandbox: SandboxBuilder) -> Page {
        let sandbox = sandbox.start().unwrap();
        let client = sandbox.client().build().unwrap();
        let mirror = Mirror::builder().client(client).open(":memory:").await.unwrap();
        Page { router: router(mirror.clone()), sandbox, mirror }
    }

    /// Makes a page about a synced sandbox of six users and two groups.
    async fn synced() -> Page {
        let page = Page::of(Sandbox::builder().users(6).groups(2)).await;
        page.sync().await;
        page
    }

    async fn sync(&self) -> SyncOutcome {
        let sync = self.mirror.sync(self.sandbox.organization_id()).mode(SyncMode::Full);
        sync.reports().await.unwrap()[0].outcome
    }

    async fn send(&self, viewer: Option<Viewer>, mut request: Request<Body>) -> Answer {
        if let Some(viewer) = viewer {
            request.extensions_mut().insert(viewer);
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = to_bytes(response.into_body(), 10_000_000).await.unwrap();
        Answer { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// Gets a page as a viewer who may decide.
    async fn get(&self, path: &str) -> Answer {
        self.send(Some(viewer(true)), Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Gets a page, which has to exist, and returns its text.
    async fn text(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        answer.text
    }

    async fn post(&self, viewer: Viewer, path: &str, body: &str) -> Answer {
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        self.send(Some(viewer), request.body(Body::from(body.to_owned())).unwrap()).await
    }

    async fn user_ids(&self) -> Vec<String> {
        let users = self.mirror.users(self.sandbox.organization_id()).next_page().await.unwrap();
        users.into_iter().map(|user| user.id).collect()
    }

    /// Protects a user, removes the user in the directory, and syncs. Returns the id of the user, and that of the hold.
    async fn held(&self) -> (String, String) {
        let user = self.user_ids().await.remove(0);
        self.mirror.protect(&user, "last admin").await.unwrap();
        self.sandbox.delete_user(&user).unwrap();
        assert_eq!(self.sync().await, SyncOutcome::Held);
        let holds = self.mirror.holds(self.sandbox.organization_id(), None).await.unwrap();
        assert_eq!(holds.len(), 1);
        (user, holds[0].id.clone())
    }
}

fn viewer(may_write: bool) -> Viewer {
    Viewer { may_write, csrf: CSRF.to_owned(), can_sign_out: true }
}

fn decision(decision: &str, by: &str) -> String {
    format!("csrf={CSRF}&decision={decision}&by={by}&note=left%0D%0Alast+week")
}

// ---- the views ---------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn an_empty_mirror_has_an_overview() {
    let page = Page::of(Sandbox::builder()).await;
    let text = page.text("/").await;
    for sentence in ["Nothing is held", "No directory is mirrored yet", "No program reads the change feed"] {
        assert!(text.contains(sentence), "{sentence}: {text}");
    }
}

#[tokio::test]
async fn the_overview_has_directories_consumers_and_the_last_days() {
    let page = Page::synced().await;
    page.mirror.poll("billing", 1).await.unwrap();
    let text = page.text("/").await;
    assert!(text.contains(&format!("href=\"/directories/{}\"", page.sandbox.directory_id())), "{text}");
    assert!(text.contains(">Enabled</span>"), "{text}");
    assert!(text.contains("<bdi>billing</bdi>") && text.contains("behind"), "{text}");
    assert!(text.contains("aria-label=\"Users a day from"), "{text}");
    assert!(text.contains("<caption class=\"hidden\">Users and changes a day</caption>"), "{text}");
}

#[tokio::test]
async fn open_holds_are_before_everything_else() {
    let page = Page::synced().await;
    let (_, hold) = page.held().await;
    let text = page.text("/").await;
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} in {text}"));
    assert!(place(&format!("href=\"/holds/{hold}\"")) < place("The last days"));
    assert!(place("The last days") < place("Last full sync"));
}

#[tokio::test]
async fn the_last_failed_sync_of_a_directory_is_on_the_overview() {
    let page = Page::synced().await;
    page.sandbox.fault([Fault::Status(403)], 1);
    page.mirror.sync(page.sandbox.organization_id()).reports().await.unwrap_err();
    let text = page.text("/").await;
    assert!(text.contains("Last sync: <span class=\"badge bad\">Failed</span>"), "{text}");
}

#[tokio::test]
async fn a_directory_has_members_groups_syncs_and_events() {
    let page = Page::synced().await;
    let directory = format!("/directories/{}", page.sandbox.directory_id());
    let members = page.text(&directory).await;
    assert!(members.contains(&format!("href=\"/users/{}\"", page.user_ids().await[0])), "{members}");
    assert!(members.contains("aria-current=\"page\">Members"), "{members}");
    let groups = page.text(&format!("{directory}/groups")).await;
    assert!(groups.contains("href=\"/groups/dirgroup_"), "{groups}");
    let syncs = page.text(&format!("{directory}/syncs")).await;
    assert!(syncs.contains("6 users and 2 groups read; 6 created"), "{syncs}");
    let events = page.text(&format!("{directory}/events")).await;
    assert!(events.contains("No events."), "{events}");
}

#[tokio::test]
async fn members_are_on_pages_of_a_hundred() {
    let page = Page::of(Sandbox::builder().users(150)).await;
    page.sync().await;
    let directory = format!("/directories/{}", page.sandbox.directory_id());
    let rows = |text: &str| text.matches("scope=\"row\"").count();
    let first = page.text(&directory).await;
    assert_eq!(rows(&first), 100);
    assert!(first.contains(&format!("rel=\"next\" href=\"{directory}?page=2\"")), "{first}");
    let second = page.text(&format!("{directory}?page=2")).await;
    assert_eq!(rows(&second), 50);
    assert!(!second.contains("rel=\"next\""));
    assert_eq!(rows(&page.text(&format!("{directory}?page=3")).await), 0);
    assert_eq!(rows(&page.text(&format!("{directory}?page=x")).await), 100);
}

#[tokio::test]
async fn a_user_has_roles_with_their_groups_and_changes_with_their_causes() {
    let page = Page::synced().await;
    let group = page.mirror.groups(page.sandbox.organization_id(), None).await.unwrap().remove(0);
    page.mirror.set_role_map([RoleMapEntry::by_id(&group.id, "admin")]).await.unwrap();
    let user = page.user_ids().await.remove(0);
    page.sandbox.add_member(&group.id, &user).unwrap();
    page.sync().await;
    let text = page.text(&format!("/users/{user}")).await;
    assert!(text.contains("<strong><bdi>admin</bdi></strong>"), "{text}");
    assert!(text.contains(&format!("href=\"/groups/{}\"", group.id)), "{text}");
    assert!(text.contains("Roles changed") && text.contains("By the full <a href=\"/directories/"), "{text}");
    let newest = text.find("Roles changed").unwrap();
    assert!(newest < text.find("User created").unwrap(), "newest first");
    let members = page.text(&format!("/groups/{}", group.id)).await;
    assert!(members.contains(&format!("href=\"/users/{user}\"")), "{members}");
    assert!(members.contains("Group created"), "{members}");
}

#[tokio::test]
async fn a_changed_field_has_its_former_and_its_new_value() {
    let page = Page::synced().await;
    let user = page.user_ids().await.remove(0);
    let change = UserChange { family_name: Some("Lovelace".to_owned()), ..UserChange::default() };
    page.sandbox.update_user(&user, change).unwrap();
    page.sync().await;
    let text = page.text(&format!("/users/{user}")).await;
    assert!(text.contains("Family name</span> <del>"), "{text}");
    assert!(text.contains("<ins><bdi>Lovelace</bdi></ins>"), "{text}");
}

#[tokio::test]
async fn a_removed_user_has_a_page_that_says_why() {
    let page = Page::synced().await;
    let user = page.user_ids().await.remove(0);
    page.sandbox.delete_user(&user).unwrap();
    assert_eq!(page.sync().await, SyncOutcome::Done);
    let text = page.text(&format!("/users/{user}")).await;
    assert!(text.contains("<span class=\"badge bad\">Removed</span>"), "{text}");
    assert!(text.contains("User deleted"), "{text}");
    let found = page.text(&format!("/search?q={user}")).await;
    assert!(found.contains("is not mirrored any more"), "{found}");
}

#[tokio::test]
async fn a_sync_of_a_cause_is_marked() {
    let page = Page::synced().await;
    let run = page.mirror.runs(Default::default()).await.unwrap().remove(0);
    let syncs = format!("/directories/{}/syncs", page.sandbox.directory_id());
    let text = page.text(&format!("{syncs}?run={}", run.id)).await;
    assert!(text.contains("<li class=\"chosen\" aria-current=\"true\">"), "{text}");
    let gone = page.text(&format!("{syncs}?run=0000")).await;
    assert!(gone.contains("no longer kept"), "{gone}");
}

#[tokio::test]
async fn the_search_finds_addresses_ids_and_names() {
    let page = Page::synced().await;
    let user = page.mirror.user(&page.user_ids().await[0]).await.unwrap().unwrap();
    let group = page.mirror.groups(page.sandbox.organization_id(), None).await.unwrap().remove(0);
    let directory = page.sandbox.directory_id();
    for (wanted, link) in [
        (user.email.to_uppercase(), format!("/users/{}", user.id)),
        (user.id.clone(), format!("/users/{}", user.id)),
        (group.id.clone(), format!("/groups/{}", group.id)),
        (group.display_name.to_lowercase(), format!("/groups/{}", group.id)),
        (directory.to_owned(), format!("/directories/{directory}")),
        (page.sandbox.organization_id().to_owned(), format!("/directories/{directory}")),
    ] {
        let text = page.text(&format!("/search?q={}", super::link::encoded(&wanted))).await;
        assert!(text.contains(&format!("href=\"{link}\"")), "{wanted}: {text}");
    }
    assert!(page.text("/search?q=%3Cb%3E").await.contains("0 results for <strong><bdi>&lt;b&gt;"));
    assert!(page.text("/search").await.contains("Enter the email address"));
    assert_eq!(page.get(&format!("/search?q={}", "x".repeat(1_001))).await.status, StatusCode::BAD_REQUEST);
}

// ---- hostile text ------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn names_from_a_directory_are_text_in_every_view() {
    let page = Page::synced().await;
    let user = NewUser {
        email: "mallory@example.com".to_owned(),
        given_name: "<script>alert(1)</script>".to_owned(),
        family_name: "\u{202e}\u{1b}[2J\" onmouseover=\"x".to_owned(),
        ..NewUser::default()
    };
    let user = page.sandbox.create_user(user).unwrap();
    page.sync().await;
    let directory = format!("/directories/{}", page.sandbox.directory_id());
    for path in [directory, format!("/users/{}", user.id), "/search?q=mallory%40example.com".to_owned()] {
        let text = page.text(&path).await;
        assert!(text.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{path}: {text}");
        assert!(!text.contains("<script>"), "{path}");
        assert!(!text.contains(['\u{202e}', '\u{1b}']), "{path}");
        assert!(!text.contains("\" onmouseover"), "{path}");
    }
}

#[tokio::test]
async fn ids_of_nothing_are_pages_that_say_so() {
    let page = Page::synced().await;
    for path in [
        "/users/a%2Fb%22%3Cscript%3E",
        "/users/%F0%9F%98%80",
        "/users/%00",
        "/groups/..%2F..",
        "/directories/%27",
        "/directories/x/syncs",
        "/holds/hold_9_9",
        "/nothing",
    ] {
        let answer = page.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.text.contains("<h1>Not Found</h1>"), "{path}: {}", answer.text);
        assert!(!answer.text.contains("<script>"), "{path}");
    }
    assert_eq!(page.get("/holds/x").await.status, StatusCode::NOT_FOUND);
    assert_eq!(page.get("/users/%FF").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(page.post(viewer(true), "/", "").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn every_page_has_a_strict_policy_and_is_not_stored() {
    let page = Page::synced().await;
    for path in ["/", "/users/nobody", "/nothing", "/search"] {
        let headers = page.get(path).await.headers;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "same-origin");
    }
}

#[tokio::test]
async fn no_page_has_inline_scripts_styles_or_handlers() {
    let page = Page::synced().await;
    let (user, hold) = page.held().await;
    for path in ["/".to_owned(), format!("/users/{user}"), format!("/holds/{hold}")] {
        let text = page.text(&path).await;
        assert!(!text.contains(" style=") && !text.contains("<style") && !text.contains(" onclick"), "{path}");
        assert_eq!(text.matches("<script").count(), 1, "{path}");
        assert!(!text.contains("https://"), "{path}");
    }
}

#[tokio::test]
async fn the_style_and_the_script_are_served_without_a_session_and_kept() {
    for asset in [&super::assets::STYLE, &super::assets::SCRIPT] {
        let request = Request::get(&asset.path).body(Body::empty()).unwrap();
        let response = super::assets().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    }
}

#[tokio::test]
async fn a_broken_store_is_a_page_without_its_message() {
    let page = Page::synced().await;
    page.mirror.close().await.unwrap();
    let answer = page.get("/").await;
    assert!(answer.status.is_server_error() || answer.status.is_client_error(), "{}", answer.status);
    assert!(answer.text.contains("<h1>") && !answer.text.contains("sqlite"), "{}", answer.text);
}

#[tokio::test]
async fn the_form_for_the_token_escapes_where_to_go_next() {
    let text = async |next, failed| {
        let bytes = to_bytes(sign_in(next, failed).into_body(), 100_000).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    };
    let page = text("/users/\"><script>", true).await;
    assert!(page.contains("value=\"/users/&quot;&gt;&lt;script&gt;\""), "{page}");
    assert!(page.contains("role=\"alert\"") && page.contains("aria-invalid=\"true\""), "{page}");
    let first = text("/", false).await;
    assert!(!first.contains("role=\"alert\"") && !first.contains("aria-invalid"), "{first}");
}

// ---- who may do what ---------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn without_a_viewer_nothing_is_shown() {
    let page = Page::synced().await;
    for path in ["/", "/search?q=x", "/live"] {
        let answer = page.send(None, Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert!(!answer.text.contains(page.sandbox.directory_id()), "{path}");
    }
}

#[tokio::test]
async fn a_hold_shows_who_would_go_and_the_form() {
    let page = Page::synced().await;
    let (user, hold) = page.held().await;
    let text = page.text(&format!("/holds/{hold}")).await;
    assert!(text.contains("<h1>Protected users</h1>"), "{text}");
    assert!(text.contains(&format!("href=\"/users/{user}\"")), "{text}");
    assert!(text.contains(&format!("name=\"csrf\" value=\"{CSRF}\"")), "{text}");
    assert!(text.contains("1 user will lose access at once."), "{text}");
}

#[tokio::test]
async fn an_approval_is_redirected_to_a_page_that_says_who_decided() {
    let page = Page::synced().await;
    let (user, hold) = page.held().await;
    let path = format!("/holds/{hold}");

    let answer = page.post(viewer(true), &path, &decision("approve", "Ada+%3Cb%3E")).await;

    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    assert_eq!(answer.headers["location"], format!("{path}#decided"));
    let text = page.text(&path).await;
    assert!(text.contains("<strong>Approved</strong> by <bdi>Ada &lt;b&gt;</bdi>"), "{text}");
    assert!(text.contains("left") && text.contains("last week"), "{text}");
    assert!(!text.contains("name=\"decision\""), "{text}");
    assert!(!page.user_ids().await.contains(&user));
    let why = page.text(&format!("/users/{user}")).await;
    assert!(why.contains("By the approval of the hold") && why.contains("last week"), "{why}");
    let again = page.post(viewer(true), &path, &decision("approve", "Ada")).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_dismissal_keeps_the_users() {
    let page = Page::synced().await;
    let (user, hold) = page.held().await;
    let path = format!("/holds/{hold}");
    assert_eq!(page.post(viewer(true), &path, &decision("dismiss", "Ada")).await.status, StatusCode::SEE_OTHER);
    assert!(page.text(&path).await.contains("<strong>Dismissed</strong>"));
    assert!(page.user_ids().await.contains(&user));
}

#[tokio::test]
async fn a_form_that_is_filled_in_wrongly_is_shown_again_with_what_was_entered() {
    let page = Page::synced().await;
    let (user, hold) = page.held().await;
    for (form, message) in
        [(decision("", "Ada"), "Choose whether"), (decision("approve", "++"), "expected who decides")]
    {
        let answer = page.post(viewer(true), &format!("/holds/{hold}"), &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.text.contains(message), "{message}: {}", answer.text);
        assert!(answer.text.contains("last week</textarea>"), "{}", answer.text);
    }
    assert!(page.user_ids().await.contains(&user));
}

#[tokio::test]
async fn a_viewer_who_may_only_read_has_no_form_and_cannot_decide() {
    let page = Page::synced().await;
    let (user, hold) = page.held().await;
    let path = format!("/holds/{hold}");
    let shown = page.send(Some(viewer(false)), Request::get(&path).body(Body::empty()).unwrap()).await;
    assert!(shown.text.contains("Read-only") && !shown.text.contains("name=\"decision\""), "{}", shown.text);
    let answer = page.post(viewer(false), &path, &decision("approve", "Ada")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text.contains("<h1>Forbidden</h1>"), "{}", answer.text);
    assert!(page.user_ids().await.contains(&user));
}

#[tokio::test]
async fn a_form_of_another_site_decides_nothing() {
    let page = Page::synced().await;
    let (user, hold) = page.held().await;
    let path = format!("/holds/{hold}");
    for form in ["", "csrf=&decision=approve&by=x", "csrf=guess&decision=approve&by=x", "decision=approve&by=x"] {
        assert_eq!(page.post(viewer(true), &path, form).await.status, StatusCode::FORBIDDEN, "{form}");
    }
    let large = decision("approve", &"x".repeat(20_000));
    assert_eq!(page.post(viewer(true), &path, &large).await.status, StatusCode::BAD_REQUEST);
    assert!(page.user_ids().await.contains(&user));
}

//! The client with the sandbox: every call and filter, async and blocking, and a listing with many faults. Also the blocking mirror's iterator of
//! changes.
#![allow(clippy::unwrap_used, reason = "a test")]

use futures_util::TryStreamExt;
use headcount::client::RetryPolicy;
use headcount::model::{Feature, OrganizationFields, OrganizationSettings};
use headcount::{Client, ErrorKind, Timestamp, blocking};
use headcount_sandbox::{Fault, NewUser, Sandbox};
use std::collections::BTreeSet;
use std::time::Duration;

#[tokio::test]
async fn organizations_are_listed_and_found() {
    let sandbox = Sandbox::builder().organizations(25).start().unwrap();
    let client = sandbox.client().build().unwrap();
    let page = client.organizations().list().page_size(5).send().await.unwrap();
    assert_eq!(page.items.len(), 10);
    assert_eq!(page.total_size, 25);
    assert_eq!(page.prev_page_token, "");
    let second = client.organizations().list().page_token(page.next_page_token.as_str()).send().await.unwrap();
    assert_ne!(second.items[0].id, page.items[0].id);
    let all: Vec<_> = client.organizations().list().stream().try_collect().await.unwrap();
    assert_eq!(all.len(), 25);
    let first = client.organizations().get(&all[0].id).await.unwrap();
    assert_eq!(first, all[0]);
    let by_external = client.organizations().get_by_external_id(&first.external_id).await.unwrap();
    assert_eq!(by_external, first);
    let found = client.organizations().list().external_id("tenant_3").send().await.unwrap();
    assert_eq!((found.items.len(), found.items[0].external_id.as_str()), (1, "tenant_3"));
    let error = client.organizations().get("org_0/../..").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.http_status(), error.code()),
        (ErrorKind::NotFound, Some(404), Some("RESOURCE_NOT_FOUND"))
    );
    assert!(error.request_id().is_some());
}

#[tokio::test]
async fn https_with_a_private_authority_uses_one_connection_for_all_requests() {
    let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/authority.pem");
    let sandbox = Sandbox::builder().tls(file).users(300).start().unwrap();
    assert!(sandbox.environment_url().starts_with("https://"));
    let client = sandbox.client().build().unwrap();
    let (organization, directory) = (sandbox.organization_id().to_owned(), sandbox.directory_id().to_owned());
    let calls = (0..32).map(|_| {
        let users = client.directories().users(&organization, &directory).page_size(30).stream();
        tokio::spawn(users.try_collect::<Vec<_>>())
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap().unwrap().len(), 300);
    }
    // The 32 simultaneous listings share one connection, because the sandbox supports HTTP/2.
    assert_eq!(sandbox.connections(), 1);
    assert_eq!(client.stats().pages, 320);

    // Failed requests are retried over HTTPS as well.
    sandbox.fault([Fault::Status(503), Fault::Reset, Fault::Truncate, Fault::RateLimit(0)], 3);
    let quick = sandbox.client().retry_base(Duration::from_millis(1)).build().unwrap();
    let users: Vec<_> = quick.directories().users(&organization, &directory).stream().try_collect().await.unwrap();
    assert!(users.len() == 300 && quick.stats().retries > 0);
}

#[tokio::test]
async fn an_organization_is_created_updated_and_deleted() {
    let sandbox = Sandbox::builder().start().unwrap();
    let organizations = sandbox.client().build().unwrap().organizations();
    let mut fields = OrganizationFields::default();
    fields.external_id = Some("tenant_ä".into());
    fields.metadata = Some([("plan".to_owned(), "team".to_owned())].into());
    let made = organizations.create("Über & Söhne", &fields).await.unwrap();
    assert_eq!((made.display_name.as_str(), made.external_id.as_str()), ("Über & Söhne", "tenant_ä"));
    assert_eq!((made.metadata["plan"].as_str(), made.id.starts_with("org_")), ("team", true));
    let mut rename = OrganizationFields::default();
    rename.display_name = Some("Söhne".into());
    let changed = organizations.update(&made.id, &rename).await.unwrap();
    assert_eq!((changed.display_name.as_str(), changed.external_id.as_str()), ("Söhne", "tenant_ä"));
    assert_eq!(organizations.get(&made.id).await.unwrap(), changed);
    organizations.delete(&made.id).await.unwrap();
    assert_eq!(organizations.delete(&made.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    let error = organizations.create("", &Default::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest, "{error}");

    std::thread::spawn(move || {
        let organizations = blocking::Client::new(sandbox.client()).unwrap().organizations();
        let made = organizations.create("Acme", &Default::default()).unwrap();
        organizations.update(&made.id, &rename).unwrap();
        organizations.delete(&made.id).unwrap();
        assert_eq!(organizations.get(&made.id).unwrap_err().kind(), ErrorKind::NotFound);
    })
    .join()
    .unwrap();
}

#[tokio::test]
async fn an_organization_is_updated_by_its_external_id_and_its_settings_are_changed() {
    let sandbox = Sandbox::builder().start().unwrap();
    let organizations = sandbox.client().build().unwrap().organizations();
    let mut rename = OrganizationFields::default();
    rename.display_name = Some("Söhne".into());
    let renamed = organizations.update_by_external_id("tenant_1", &rename).await.unwrap();
    assert_eq!(renamed.id, sandbox.organization_id());
    assert_eq!(renamed.display_name, "Söhne");
    let missing = organizations.update_by_external_id("tenant_404", &rename).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);

    let feature = |name: &str, enabled| Feature::new(name, enabled);
    let settings = OrganizationSettings::new([feature("sso", false), feature("session_policy", true)]);
    let changed = organizations.update_settings(&renamed.id, &settings).await.unwrap();
    let expected = [feature("sso", false), feature("dir_sync", true), feature("session_policy", true)];
    assert_eq!(changed.settings.as_ref().unwrap().features, expected);
    assert_eq!(organizations.get(&renamed.id).await.unwrap(), changed);
    let unknown = OrganizationSettings::new([feature("magic", true)]);
    assert_eq!(organizations.update_settings(&renamed.id, &unknown).await.unwrap_err().kind(), ErrorKind::BadRequest);

    // An update may contain all fields of an organization as they were read.
    let mut whole = OrganizationFields::from(&changed);
    whole.slug = Some("soehne".into());
    let again = organizations.update(&changed.id, &whole).await.unwrap();
    assert_eq!(again.slug, "soehne");
    assert_eq!(again.logo_url, "");
    assert_eq!(again.external_id, "tenant_1");

    std::thread::spawn(move || {
        let organizations = blocking::Client::new(sandbox.client()).unwrap().organizations();
        let id = sandbox.organization_id();
        assert_eq!(organizations.update_by_external_id("tenant_1", &rename).unwrap().id, id);
        assert_eq!(organizations.update_settings(id, &settings).unwrap().id, id);
        assert!(organizations.generate_portal_link(id, &[]).unwrap().id.starts_with("lnk_"));
    })
    .join()
    .unwrap();
}

#[tokio::test]
async fn each_portal_link_is_new_and_its_location_is_not_printed() {
    let sandbox = Sandbox::builder().start().unwrap();
    let organizations = sandbox.client().build().unwrap().organizations();
    let id = sandbox.organization_id();
    let one = organizations.generate_portal_link(id, &["sso", "dir_sync"]).await.unwrap();
    let two = organizations.generate_portal_link(id, &[]).await.unwrap();
    assert_ne!(one.id, two.id);
    assert!(one.location.starts_with(sandbox.environment_url()), "{}", one.location);
    assert!(one.expire_time.unwrap() > headcount::system::Clock::now(&headcount::system::SystemClock));
    assert!(!format!("{one:?}").contains(&one.location), "{one:?}");
    let error = organizations.generate_portal_link(id, &["magic"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    // The call is retried although each attempt makes a new link, because a link that was lost with its answer is never used.
    sandbox.fault([Fault::Reset], 2);
    assert!(organizations.generate_portal_link(id, &[]).await.is_ok());
    assert!(organizations.generate_portal_link(id, &[]).await.is_ok());
}

#[tokio::test]
async fn directories_users_and_groups_are_listed_with_every_filter() {
    let sandbox = Sandbox::builder().organizations(2).users(70).groups(35).start().unwrap();
    let client = sandbox.client().build().unwrap();
    let (org, dir) = (sandbox.organization_id(), sandbox.directory_id());
    let directories = client.directories();
    let directory = directories.primary(org).await.unwrap();
    assert_eq!(directory, directories.get(org, dir).await.unwrap());
    assert_eq!(directories.list(org).await.unwrap(), std::slice::from_ref(&directory));
    assert_eq!((directory.total_users, directory.enabled), (70, true));

    assert!(!directories.disable(org, dir).await.unwrap().enabled);
    assert!(!directories.get(org, dir).await.unwrap().enabled);
    let toggle = directories.disable(org, dir).await.unwrap();
    assert_eq!(toggle.error_message, "The directory is already disabled");
    assert!(directories.enable(org, dir).await.unwrap().enabled);

    let page = directories.users(org, dir).send().await.unwrap();
    assert_eq!((page.items.len(), page.total_size), (10, 70));
    assert!(page.items[0].user_detail.is_none());
    let page = directories.users(org, dir).page_size(30).include_detail(true).send().await.unwrap();
    let detail: serde_json::Value = page.items[0].user_detail.as_ref().unwrap().decode().unwrap();
    assert_eq!(detail["active"], true);
    let middle = page.items[20].updated_at.unwrap();
    let later = directories.users(org, dir).updated_after(middle).send().await.unwrap();
    assert_eq!(later.total_size, 49);

    let groups: Vec<_> = directories.groups(org, dir).include_detail(true).stream().try_collect().await.unwrap();
    assert_eq!(groups.len(), 35);
    assert!(groups[0].group_detail.is_some());
    let members: Vec<_> =
        directories.users(org, dir).directory_group_id(groups[0].id.as_str()).stream().try_collect().await.unwrap();
    assert_eq!(members.len(), groups[0].total_users as usize);
    let none =
        directories.groups(org, dir).updated_after(Timestamp::MAX).include_external_groups(true).send().await.unwrap();
    assert_eq!((none.items.len(), none.total_size), (0, 0));

    let made = sandbox.create_user(NewUser { email: "ada@example.com".into(), ..NewUser::default() }).unwrap();
    let users: Vec<_> = directories.users(org, dir).stream().try_collect().await.unwrap();
    assert_eq!(users.last(), Some(&made));
}

#[tokio::test]
async fn an_organization_without_a_directory_has_no_primary_one() {
    let sandbox = Sandbox::builder().directories(0).start().unwrap();
    let error = sandbox.client().build().unwrap().directories().primary(sandbox.organization_id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("has no directory"), "{error}");
}

#[tokio::test]
async fn wrong_credentials_are_an_authentication_error() {
    let sandbox = Sandbox::builder().start().unwrap();
    let client = Client::builder(sandbox.environment_url(), sandbox.client_id(), "wrong").build().unwrap();
    let error = client.organizations().list().send().await.unwrap_err();
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::Authentication, Some(401)));
}

#[tokio::test]
async fn an_expired_token_is_renewed() {
    let sandbox = Sandbox::builder().token_ttl(Duration::from_secs(600)).start().unwrap();
    let client = sandbox.client().build().unwrap();
    client.organizations().list().send().await.unwrap();
    sandbox.advance(Duration::from_secs(601));
    client.organizations().list().send().await.unwrap();
    assert_eq!(sandbox.requests()["POST /oauth/token"], 2);
}

/// Lists 10,000 users while every seventh request fails.
#[tokio::test]
async fn a_listing_with_faults_has_every_user_exactly_once() {
    let sandbox = Sandbox::builder().users(10_000).start().unwrap();
    sandbox.fault(
        [
            Fault::RateLimit(0),
            Fault::Status(500),
            Fault::Status(503),
            Fault::Reset,
            Fault::Truncate,
            Fault::Garbage,
            Fault::ExpireToken,
        ],
        7,
    );
    let quick =
        RetryPolicy { base: Duration::from_millis(1), cap: Duration::from_millis(10), ..RetryPolicy::default() };
    let client = sandbox.client().retry(quick).build().unwrap();
    let users = client.directories().users(sandbox.organization_id(), sandbox.directory_id()).include_detail(true);
    let ids: Vec<String> = users.stream().map_ok(|user| user.id).try_collect().await.unwrap();
    assert_eq!(ids.len(), 10_000);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 10_000);
}

#[test]
fn the_blocking_client_has_the_same_calls() {
    let sandbox = Sandbox::builder().organizations(2).users(65).start().unwrap();
    let client = blocking::Client::new(sandbox.client()).unwrap();
    let (org, dir) = (sandbox.organization_id(), sandbox.directory_id());
    assert_eq!(
        client.organizations().get(org).unwrap(),
        client.organizations().get_by_external_id("tenant_1").unwrap()
    );
    assert_eq!(client.organizations().list().external_id("tenant_2").page_size(10).iter().count(), 1);
    let directories = client.directories();
    assert_eq!(directories.primary(org).unwrap(), directories.get(org, dir).unwrap());
    assert_eq!(directories.list(org).unwrap().len(), 1);
    assert!(!directories.disable(org, dir).unwrap().enabled && directories.enable(org, dir).unwrap().enabled);
    let ids: BTreeSet<_> =
        directories.users(org, dir).include_detail(true).iter().map(|user| user.unwrap().id).collect();
    assert_eq!(ids.len(), 65);
    let group = directories.groups(org, dir).send().unwrap().items.remove(0);
    let members =
        directories.users(org, dir).directory_group_id(group.id.as_str()).updated_after(Timestamp::MIN).iter();
    assert_eq!(members.count(), group.total_users as usize);
    let mut failed = directories.users("org_0", dir).iter();
    assert_eq!(failed.next().unwrap().unwrap_err().kind(), ErrorKind::NotFound);
    assert!(failed.next().is_none());
    // Several threads share one runtime and one token.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(client.directories().users(org, dir).iter().count(), 65));
        }
    });
    assert_eq!(sandbox.requests()["POST /oauth/token"], 1);
}

/// Opens a blocking mirror in memory and syncs it with the sandbox. No consumer has read its feed yet.
fn blocking_mirror(sandbox: &Sandbox) -> blocking::Mirror {
    let client = blocking::Client::new(sandbox.client()).unwrap();
    let mirror = blocking::Mirror::open(":memory:", client).unwrap();
    mirror.sync(sandbox.organization_id()).run().unwrap();
    mirror
}

#[test]
fn a_change_that_one_of_two_threads_has_not_acknowledged_is_returned_again() {
    let sandbox = Sandbox::builder().users(3).groups(0).start().unwrap();
    let mirror = blocking_mirror(&sandbox);
    let mut changes = mirror.changes("app", Some(Duration::ZERO));
    let mut other = changes.clone();
    let first = changes.next().unwrap().unwrap();
    let second = std::thread::spawn(move || {
        let second = other.next().unwrap().unwrap();
        other.ack(second.seq).unwrap();
        second
    });
    let second = second.join().unwrap();

    let after_a_restart = mirror.changes("app", Some(Duration::ZERO)).next().unwrap().unwrap();
    changes.ack(first.seq).unwrap();

    assert_ne!(first.seq, second.seq);
    assert_eq!(after_a_restart.seq, first.seq);
    assert_eq!(mirror.consumers().unwrap()[0].cursor, second.seq);
}

#[test]
fn closing_a_blocking_mirror_ends_an_iterator_that_waits() {
    let sandbox = Sandbox::builder().users(3).groups(0).start().unwrap();
    let mirror = blocking_mirror(&sandbox);
    let mut changes = mirror.changes("app", None);
    let (ended, end) = std::sync::mpsc::channel();
    let iterating = std::thread::spawn(move || {
        let count = changes.try_fold(0, |count, change| change.map(|_| count + 1));
        ended.send(count.unwrap()).unwrap();
    });
    while mirror.consumers().unwrap().is_empty() {
        std::thread::yield_now();
    }

    mirror.close().unwrap();

    let count = end.recv_timeout(Duration::from_secs(60)).expect("the iterator did not end");
    assert!(count <= 4, "expected at most 4 changes, got {count}");
    iterating.join().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocking_calls_work_where_a_thread_may_block_and_are_refused_in_async_tasks() {
    let sandbox = Sandbox::builder().start().unwrap();
    let client = blocking::Client::new(sandbox.client()).unwrap();
    let id = sandbox.organization_id().to_owned();
    let get = { move || client.organizations().get(&id) };
    tokio::task::spawn_blocking(get.clone()).await.unwrap().unwrap();
    tokio::task::block_in_place(get.clone()).unwrap();
    let error = get().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("on another thread"), "{error}");
}

#[tokio::test]
async fn blocking_calls_work_in_spawn_blocking_of_a_runtime_with_one_thread() {
    let sandbox = Sandbox::builder().start().unwrap();
    let client = blocking::Client::new(sandbox.client()).unwrap();
    let id = sandbox.organization_id().to_owned();
    tokio::task::spawn_blocking(move || client.organizations().get(&id)).await.unwrap().unwrap();
}

#[tokio::test]
async fn awaiting_a_listing_reads_one_page() {
    let sandbox = Sandbox::builder().users(30).start().unwrap();
    let client = sandbox.client().build().unwrap();
    let page =
        client.directories().users(sandbox.organization_id(), sandbox.directory_id()).page_size(7).await.unwrap();
    assert_eq!(page.items.len(), 7);
}

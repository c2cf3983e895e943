//! Every path of the contract: responses against the schema, paging, filters and errors.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Rest, assert_conforms, contract, json_of};
use headcount_sandbox::{NewGroup, NewUser, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

fn ids(page: &Value, of: &str) -> Vec<String> {
    page[of].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_response_conforms_to_the_contract() {
    let sandbox = Sandbox::builder().organizations(12).directories(2).users(40).groups(7).start().unwrap();
    let (rest, contract) = (Rest::new(&sandbox).await, contract());
    let (org, dir) = (sandbox.organization_id(), sandbox.directory_id());
    let root = format!("/api/v1/organizations/{org}");
    for (path, schema) in [
        ("/api/v1/organizations".to_owned(), "organizationsListOrganizationsResponse"),
        ("/api/v1/organizations?page_size=5".to_owned(), "organizationsListOrganizationsResponse"),
        (root.clone(), "organizationsGetOrganizationResponse"),
        ("/api/v1/organizations:external/tenant_1".to_owned(), "organizationsGetOrganizationResponse"),
        (format!("{root}/directories"), "directoriesListDirectoriesResponse"),
        (format!("{root}/directories/{dir}"), "directoriesGetDirectoryResponse"),
        (format!("{root}/directories/{dir}/users"), "directoriesListDirectoryUsersResponse"),
        (
            format!("{root}/directories/{dir}/users?include_detail=true&page_size=30"),
            "directoriesListDirectoryUsersResponse",
        ),
        (format!("{root}/directories/{dir}/groups"), "directoriesListDirectoryGroupsResponse"),
        (
            format!("{root}/directories/{dir}/groups?include_detail=true&include_external_groups=true"),
            "directoriesListDirectoryGroupsResponse",
        ),
    ] {
        assert_conforms(&contract, schema, &rest.get(&path).await);
    }
    let toggle = rest.call(Method::PATCH, &format!("{root}/directories/{dir}:disable"), None, 200).await;
    assert_conforms(&contract, "directoriesToggleDirectoryResponse", &toggle);
    assert_eq!(toggle, json!({ "enabled": false, "error_message": "" }));
    let again = rest.call(Method::PATCH, &format!("{root}/directories/{dir}:disable"), None, 200).await;
    assert_eq!(again["error_message"], "The directory is already disabled");
    let toggle = rest.call(Method::PATCH, &format!("{root}/directories/{dir}:enable"), None, 200).await;
    assert_eq!(toggle["enabled"], true);
}

#[tokio::test]
async fn organizations_are_created_updated_and_deleted() {
    let sandbox = Sandbox::builder().start().unwrap();
    let (rest, contract) = (Rest::new(&sandbox).await, contract());
    let new = json!({ "display_name": "Ünïcode GmbH", "external_id": "t 1/ä", "metadata": { "plan": "pro" } });
    let made = rest.call(Method::POST, "/api/v1/organizations", Some(new.clone()), 201).await;
    assert_conforms(&contract, "organizationsCreateOrganizationResponse", &made);
    let id = made["organization"]["id"].as_str().unwrap();
    let by_external = rest.get("/api/v1/organizations:external/t%201%2F%C3%A4").await;
    assert_eq!(by_external["organization"], made["organization"]);
    rest.call(Method::POST, "/api/v1/organizations", Some(new), 409).await;
    rest.call(Method::POST, "/api/v1/organizations", Some(json!({})), 400).await;
    rest.call(Method::POST, "/api/v1/organizations", Some(json!([])), 400).await;
    let path = format!("/api/v1/organizations/{id}");
    let changed = rest.call(Method::PATCH, &path, Some(json!({ "display_name": "Neu" })), 200).await;
    assert_conforms(&contract, "organizationsUpdateOrganizationResponse", &changed);
    assert_eq!(changed["organization"]["display_name"], "Neu");
    assert_eq!(changed["organization"]["external_id"], "t 1/ä");
    rest.call(Method::DELETE, &path, None, 200).await;
    rest.refused(&path, 404).await;
}

#[tokio::test]
async fn settings_are_stored_and_portal_links_are_opened_once_within_a_minute() {
    let sandbox = Sandbox::builder().start().unwrap();
    let (rest, contract) = (Rest::new(&sandbox).await, contract());
    let path = format!("/api/v1/organizations/{}", sandbox.organization_id());
    let settings = json!({ "features": [{ "name": "sso", "enabled": false }] });
    let changed = rest.call(Method::PATCH, &format!("{path}/settings"), Some(settings), 200).await;
    assert_conforms(&contract, "organizationsGetOrganizationResponse", &changed);
    let features = json!([{ "name": "sso", "enabled": false }, { "name": "dir_sync", "enabled": true }]);
    assert_eq!(changed["organization"]["settings"]["features"], features);
    assert_eq!(rest.get(&path).await["organization"]["settings"]["features"], features);
    let unknown = json!({ "features": [{ "name": "magic", "enabled": true }] });
    rest.call(Method::PATCH, &format!("{path}/settings"), Some(unknown), 400).await;
    rest.call(Method::PATCH, "/api/v1/organizations/org_404/settings", Some(json!({})), 404).await;

    let links = format!("{path}/portal_links");
    let link = rest.call(Method::PUT, &format!("{links}?features=sso&features=dir_sync"), None, 200).await;
    assert_conforms(&contract, "organizationsGeneratePortalLinkResponse", &link);
    let location = |link: &Value| link["link"]["location"].as_str().unwrap().to_owned();
    let open = async |link: &Value| rest.client.get(location(link)).send().await.unwrap().status().as_u16();
    assert_eq!(open(&link).await, 200);
    assert_eq!(open(&link).await, 404, "a link is opened once");
    let late = rest.call(Method::PUT, &links, None, 200).await;
    sandbox.advance(Duration::from_secs(61));
    assert_eq!(open(&late).await, 404, "a link expires after a minute");
    rest.call(Method::PUT, &format!("{links}?features=magic"), None, 400).await;
    rest.call(Method::PUT, "/api/v1/organizations/org_404/portal_links", None, 404).await;
}

#[tokio::test]
async fn organizations_are_listed_newest_first() {
    let sandbox = Sandbox::builder().organizations(12).start().unwrap();
    let rest = Rest::new(&sandbox).await;
    let made = rest.call(Method::POST, "/api/v1/organizations", Some(json!({ "display_name": "Neu" })), 201).await;
    let page = rest.get("/api/v1/organizations?page_size=100").await;
    let listed = ids(&page, "organizations");
    assert_eq!(listed[0], made["organization"]["id"]);
    assert_eq!(listed[12], sandbox.organization_id());
    let externals: Vec<_> =
        page["organizations"].as_array().unwrap()[1..].iter().map(|one| &one["external_id"]).collect();
    assert_eq!(externals[0], "tenant_12");
    assert_eq!(externals[11], "tenant_1");
}

#[tokio::test]
async fn pages_contain_every_item_once_and_have_the_allowed_sizes() {
    let sandbox = Sandbox::builder().organizations(23).users(75).groups(33).start().unwrap();
    let rest = Rest::new(&sandbox).await;
    let root = format!("/api/v1/organizations/{}/directories/{}", sandbox.organization_id(), sandbox.directory_id());
    for (path, of, total, asked, size) in [
        ("/api/v1/organizations".to_owned(), "organizations", 23, "", 10),
        ("/api/v1/organizations".to_owned(), "organizations", 23, "5", 10),
        ("/api/v1/organizations".to_owned(), "organizations", 23, "1000", 23),
        (format!("{root}/users"), "users", 75, "", 10),
        (format!("{root}/users"), "users", 75, "1", 1),
        (format!("{root}/users"), "users", 75, "500", 30),
        (format!("{root}/groups"), "groups", 33, "30", 30),
    ] {
        let (mut seen, mut token, mut previous) = (Vec::new(), String::new(), Vec::new());
        loop {
            let page = rest.get(&format!("{path}?page_size={asked}&page_token={token}")).await;
            assert_eq!(page["total_size"], total);
            assert!(ids(&page, of).len() <= size);
            if !previous.is_empty() {
                let back = page["prev_page_token"].as_str().unwrap();
                let back = rest.get(&format!("{path}?page_size={asked}&page_token={back}")).await;
                assert_eq!(ids(&back, of), previous, "the previous page");
            }
            previous = ids(&page, of);
            seen.extend(ids(&page, of));
            token = page["next_page_token"].as_str().unwrap().to_owned();
            if token.is_empty() {
                break;
            }
            assert_eq!(ids(&page, of).len(), size);
        }
        assert_eq!(seen.len(), total);
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), total);
    }
}

#[tokio::test]
async fn listings_are_filtered_by_external_id_group_and_time() {
    let sandbox = Sandbox::builder().organizations(12).users(60).groups(4).start().unwrap();
    let rest = Rest::new(&sandbox).await;
    let root = format!("/api/v1/organizations/{}/directories/{}", sandbox.organization_id(), sandbox.directory_id());
    let one = rest.get("/api/v1/organizations?external_id=tenant_7").await;
    assert_eq!(one["total_size"], 1);
    assert_eq!(one["organizations"][0]["external_id"], "tenant_7");
    let plain = rest.get(&format!("{root}/users")).await;
    assert!(plain["users"][0].get("user_detail").is_none());
    let detail = rest.get(&format!("{root}/users?include_detail=true")).await;
    assert_eq!(detail["users"][0]["user_detail"]["active"], true);
    // Filters users by group.
    let groups = rest.get(&format!("{root}/groups")).await;
    for group in groups["groups"].as_array().unwrap() {
        let id = group["id"].as_str().unwrap();
        let members = rest.get(&format!("{root}/users?directory_group_id={id}&page_size=30")).await;
        assert_eq!(members["total_size"], group["total_users"]);
        for user in members["users"].as_array().unwrap() {
            assert!(user["groups"].as_array().unwrap().iter().any(|other| other["id"] == id));
        }
    }
    // Filters users by time: lists the 30 of 60 users who changed after the 30th.
    let all = rest.get(&format!("{root}/users?page_size=30")).await;
    let middle = all["users"][29]["updated_at"].as_str().unwrap();
    let later = rest.get(&format!("{root}/users?page_size=30&updated_after={middle}")).await;
    assert_eq!(later["total_size"], 30);
    assert!(later["users"].as_array().unwrap().iter().all(|user| user["updated_at"].as_str().unwrap() > middle));
}

#[tokio::test]
async fn malformed_query_parameters_are_refused() {
    let sandbox = Sandbox::builder().start().unwrap();
    let rest = Rest::new(&sandbox).await;
    let root = format!("/api/v1/organizations/{}/directories/{}", sandbox.organization_id(), sandbox.directory_id());
    for query in
        ["page_size=x", "page_size=-1", "page_token=nonsense", "updated_after=yesterday", "include_detail=maybe"]
    {
        let error = rest.refused(&format!("{root}/users?{query}"), 400).await;
        assert_eq!(error["code"], 3, "{query}");
    }
}

#[tokio::test]
async fn unknown_ids_and_paths_get_the_vendors_404() {
    let sandbox = Sandbox::builder().organizations(2).start().unwrap();
    let rest = Rest::new(&sandbox).await;
    let organizations = ids(&rest.get("/api/v1/organizations").await, "organizations");
    let other = organizations.iter().find(|id| *id != sandbox.organization_id()).unwrap();
    let (org, dir) = (sandbox.organization_id(), sandbox.directory_id());
    for path in [
        "/api/v1/organizations/org_0".to_owned(),
        "/api/v1/organizations:external/nobody".to_owned(),
        "/api/v1/organizations/org_0/directories".to_owned(),
        format!("/api/v1/organizations/{org}/directories/dir_0"),
        format!("/api/v1/organizations/{org}/directories/dir_0/users"),
        format!("/api/v1/organizations/{other}/directories/{dir}/users"),
        format!("/api/v1/organizations/{other}/directories/{dir}"),
    ] {
        let error = rest.refused(&path, 404).await;
        assert_eq!(error["code"], 5, "{path}");
        assert_eq!(error["details"][0]["error_code"], "RESOURCE_NOT_FOUND", "{path}");
    }
    let nowhere = rest.send(Method::GET, "/api/v2", None).await.unwrap();
    assert_eq!(nowhere.status(), 404);
}

#[tokio::test]
async fn calls_need_a_valid_token() {
    let sandbox = Sandbox::builder().token_ttl(std::time::Duration::from_secs(60)).start().unwrap();
    let mut rest = Rest::new(&sandbox).await;
    rest.get("/api/v1/organizations").await;
    sandbox.advance(std::time::Duration::from_secs(61));
    assert_eq!(rest.refused("/api/v1/organizations", 401).await["code"], 16);
    for token in ["", "nonsense"] {
        rest.token = token.to_owned();
        rest.refused("/api/v1/organizations", 401).await;
    }
    let bare = rest.client.get(format!("{}/api/v1/organizations", rest.url)).send().await.unwrap();
    assert_eq!(bare.status(), 401);
}

#[tokio::test]
async fn token_requests_with_wrong_credentials_are_refused() {
    let sandbox = Sandbox::builder().start().unwrap();
    let rest = Rest::new(&sandbox).await;
    let url = format!("{}/oauth/token", rest.url);
    for (form, status, error) in [
        (
            vec![("grant_type", "client_credentials"), ("client_id", sandbox.client_id()), ("client_secret", "x")],
            401,
            "invalid_client",
        ),
        (vec![("grant_type", "password")], 400, "unsupported_grant_type"),
        (vec![], 400, "unsupported_grant_type"),
    ] {
        let response = rest.client.post(&url).form(&form).send().await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(json_of(response).await["error"], error);
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_users_and_different_secrets() {
    let (mut environments, mut secrets) = (Vec::new(), BTreeSet::new());
    for seed in [7, 7, 8] {
        let sandbox = Sandbox::builder().users(30).seed(seed).start().unwrap();
        let rest = Rest::new(&sandbox).await;
        let path = format!(
            "/api/v1/organizations/{}/directories/{}/users?page_size=30&include_detail=true",
            sandbox.organization_id(),
            sandbox.directory_id()
        );
        let users = rest.get(&path).await;
        let emails: BTreeSet<_> =
            users["users"].as_array().unwrap().iter().map(|user| user["email"].to_string()).collect();
        assert_eq!(emails.len(), 30);
        environments.push(users.to_string());
        secrets.insert(sandbox.client_secret().to_owned());
        secrets.insert(sandbox.webhook_secret().to_owned());
    }
    assert_eq!(secrets.len(), 6);
    assert_eq!(environments[0], environments[1]);
    assert_ne!(environments[0], environments[2]);
    assert!(environments[0].chars().any(|character| character > '\u{400}'), "names in several scripts");
}

#[tokio::test]
async fn requests_of_other_sites_are_refused() {
    let sandbox = Sandbox::builder().start().unwrap();
    let Rest { client, .. } = Rest::new(&sandbox).await;
    for path in [format!("{}/settings", sandbox.control_url()), format!("{}/oauth/token", sandbox.environment_url())] {
        let status = async |header: &str, value: &str| {
            client.get(&path).header(header, value).send().await.unwrap().status().as_u16()
        };
        assert_ne!(status("origin", "http://localhost:3000").await, 403, "{path}");
        assert_eq!(status("host", "evil.example").await, 403, "{path}");
        assert_eq!(status("origin", "http://evil.example").await, 403, "{path}");
    }
}

#[tokio::test]
async fn an_endpoint_on_another_machine_is_refused_unless_permitted() {
    let link_local = "http://169.254.169.254/latest/meta-data";
    let sandbox = Sandbox::builder().start().unwrap();
    let error = sandbox.register_endpoint(link_local).unwrap_err();
    assert!(error.to_string().contains("is not on this machine"), "{error}");
    let permissive = Sandbox::builder().remote_endpoints(true).start().unwrap();
    permissive.register_endpoint(link_local).unwrap();
}

#[tokio::test]
async fn users_and_groups_are_not_created_in_a_directory_of_another_organization() {
    let sandbox = Sandbox::builder().organizations(2).start().unwrap();
    let organizations = ids(&Rest::new(&sandbox).await.get("/api/v1/organizations").await, "organizations");
    let other = organizations.into_iter().find(|id| *id != sandbox.organization_id()).unwrap();
    let directory_id = Some(sandbox.directory_id().to_owned());
    let user = |organization_id| NewUser {
        email: "ada@example.com".to_owned(),
        organization_id: Some(organization_id),
        directory_id: directory_id.clone(),
        ..NewUser::default()
    };
    assert_eq!(sandbox.create_user(user(other.clone())).unwrap_err().status(), 404);
    let group =
        NewGroup { display_name: "Crew".to_owned(), organization_id: Some(other), directory_id: directory_id.clone() };
    assert_eq!(sandbox.create_group(group).unwrap_err().status(), 404);
    sandbox.create_user(user(sandbox.organization_id().to_owned())).unwrap();
}

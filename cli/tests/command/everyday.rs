//! The everyday commands on both stores: their output, as text and as JSON.

use crate::setup::{Running, Setup, on_both_stores, run, until};
use headcount_sandbox::{FaultPlan, NewUser, Sandbox, UserChange};

/// Returns the ids of the mirrored users, in the order in which they are listed.
fn ids(setup: &Setup) -> Vec<String> {
    setup.json(&["users"]).iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect()
}

fn fault(setup: &Setup, fault: Option<&str>) {
    setup.sandbox.set_faults(&FaultPlan { fault: fault.map(str::to_owned), ..FaultPlan::default() }).unwrap();
}

on_both_stores! {
    fn shows_a_first_sync_as_text(setup) {
        let mut text = String::new();
        for arguments in [
            &["plan"][..], &["sync"], &["status"], &["users"], &["users", "--email", "kai.tanaka3@company1.example"],
            &["groups"], &["runs"], &["history"], &["events"], &["holds", "list"], &["plan"],
        ] {
            let ended = setup.run(arguments);
            text += &format!("$ headcount {}\n{}{}\n", arguments.join(" "), ended.out, ended.err);
            assert_eq!(ended.code, Some(0), "{arguments:?}");
        }
        setup.compare("first-sync", &text);
    }

    fn shows_a_first_sync_as_json(setup) {
        let reports = setup.json(&["sync"]);
        assert_eq!(reports.len(), 1);
        assert_eq!(reports[0]["outcome"], "done");
        assert_eq!(reports[0]["created"], 6);
        let status = setup.json(&["status"]);
        assert_eq!(status.len(), 1);
        assert_eq!(status[0]["directories"][0]["users"], 6);
        assert_eq!(status[0]["consumers"], serde_json::json!([]));
        assert_eq!(status[0]["mirror_id"].as_str().unwrap().len(), 36);
        assert_eq!(setup.json(&["users"]).len(), 6);
        assert_eq!(setup.json(&["groups"]).len(), 2);
        assert_eq!(setup.json(&["runs"])[0]["outcome"], "done");
        assert_eq!(setup.json(&["history"]).len(), 9);
        assert!(setup.json(&["events"]).is_empty());
        assert!(setup.json(&["holds", "list"]).is_empty());
        assert!(setup.json(&["plan"]).is_empty());
    }

    fn shows_a_plan_grouped_by_user(setup) {
        setup.out(&["sync"]);
        let ids = ids(&setup);
        let change = UserChange { family_name: Some("King".to_owned()), groups: Some(vec!["Sales".to_owned()]), ..UserChange::default() };
        setup.sandbox.update_user(&ids[1], change).unwrap();
        setup.sandbox.delete_user(&ids[2]).unwrap();
        setup.sandbox.create_user(NewUser { email: "ada@example.com".to_owned(), given_name: "Ada".to_owned(), ..NewUser::default() }).unwrap();
        let plan = setup.out(&["plan", "--full"]);
        setup.compare("plan", &plan);
        let kinds: Vec<String> = setup.json(&["plan", "--full"]).iter().map(|change| change["kind"].as_str().unwrap().to_owned()).collect();
        assert!(kinds.contains(&"user.deleted".to_owned()), "{kinds:?}");
        // A plan writes nothing.
        assert_eq!(setup.json(&["users"]).len(), 6);
        assert_eq!(setup.json(&["sync", "--full"])[0]["deleted"], 1);
        assert!(setup.json(&["plan", "--full"]).is_empty());
    }

    fn syncs_one_organization_or_directory(setup) {
        let (organization, directory) = (setup.sandbox.organization_id().to_owned(), setup.sandbox.directory_id().to_owned());
        assert_eq!(setup.json(&["sync", &organization])[0]["directory_id"], *directory);
        assert_eq!(setup.json(&["sync", &organization, &directory, "--full"])[0]["mode"], "full");
        let ended = setup.run(&["sync", &organization, "dir_missing"]);
        assert_eq!(ended.code, Some(1));
        assert!(ended.err.contains("dir_missing"), "{}", ended.err);
        assert_eq!(setup.json(&["groups", &organization, &directory]).len(), 2);
        assert_eq!(setup.json(&["runs", "--directory", &directory, "--limit", "1"]).len(), 1);
    }

    fn a_failing_api_is_in_the_report_and_the_exit_code(setup) {
        setup.out(&["sync"]);
        fault(&setup, Some("garbage"));
        let organization = setup.sandbox.organization_id().to_owned();
        let ended = setup.run(&["sync", &organization]);
        assert_eq!(ended.code, Some(1), "{}", ended.err);
        fault(&setup, None);
        assert_eq!(setup.run(&["sync", &organization]).code, Some(0));
    }

    fn a_listing_that_cannot_be_applied_as_a_whole_exits_with_4(setup) {
        setup.out(&["sync"]);
        // The sandbox numbers everything that it generates. The second organization of this one has a user with the id of a user of the first sandbox.
        let setup = setup.with_sandbox(Sandbox::builder().organizations(2).users(2).groups(1));
        let client = headcount::blocking::Client::new(setup.sandbox.client()).unwrap();
        let organizations: Vec<String> = client.organizations().list().iter().map(|found| found.unwrap().id).collect();
        let second = organizations.iter().find(|id| *id != setup.sandbox.organization_id()).unwrap();
        let ended = setup.run(&["sync", second]);
        assert_eq!(ended.code, Some(4), "{}{}", ended.out, ended.err);
        assert!(ended.err.contains("incomplete: "), "{}", ended.err);
    }

    fn an_interrupted_sync_exits_with_130_and_releases_its_lease(setup) {
        // Each call takes eight seconds, so that the sync is interrupted while it lists.
        setup.out(&["sync"]);
        fault(&setup, Some("latency:8s"));
        let running = Running::start(&mut setup.command(&["sync", setup.sandbox.organization_id(), setup.sandbox.directory_id(), "--full"]));
        until("the second run", || setup.json(&["runs"]).iter().any(|run| run["outcome"] == "running"));
        running.signal("INT");
        let ended = running.end();
        assert_eq!(ended.code, Some(130), "{}", ended.err);
        assert!(ended.err.contains("headcount: interrupted"), "{}", ended.err);
        fault(&setup, None);
        assert_eq!(setup.json(&["sync", "--full"])[0]["outcome"], "done");
        assert_eq!(setup.json(&["users"]).len(), 6);
    }

    fn a_directory_that_is_being_synced_is_left_out(setup) {
        setup.out(&["sync"]);
        let (organization, directory) = (setup.sandbox.organization_id(), setup.sandbox.directory_id());
        fault(&setup, Some("latency:8s"));
        let running = Running::start(&mut setup.command(&["sync", organization, directory, "--full"]));
        until("the second run", || setup.json(&["runs"]).iter().any(|run| run["outcome"] == "running"));
        fault(&setup, None);
        let ended = setup.run(&["sync", organization, directory, "--json"]);
        assert_eq!(ended.code, Some(5), "{}", ended.err);
        assert!(ended.out.contains("already_running"), "{}", ended.out);
        running.signal("INT");
        assert_eq!(running.end().code, Some(130));
    }

    fn explains_a_user_by_id_and_by_address(setup) {
        setup.out(&["sync"]);
        let user = &setup.json(&["users"])[0];
        let (id, email) = (user["id"].as_str().unwrap(), user["email"].as_str().unwrap());
        setup.compare("explain", &setup.out(&["explain", email]));
        let impersonal = setup.out(&["explain", id, "--impersonal"]);
        assert!(impersonal.contains(id) && !impersonal.contains(email), "{impersonal}");
        assert_eq!(setup.json(&["explain", id])[0]["state"], "present");
        let unknown = setup.run(&["explain", "diruser_none"]);
        assert_eq!(unknown.code, Some(1));
        assert!(unknown.out.contains("not known"), "{}", unknown.out);
        assert_eq!(setup.run(&["explain", "nobody@example.com"]).code, Some(1));
    }

    fn shows_past_states(setup) {
        setup.out(&["sync"]);
        let start = setup.json(&["history"]).last().unwrap()["at"].as_str().unwrap().to_owned();
        let id = ids(&setup)[0].clone();
        setup.sandbox.delete_user(&id).unwrap();
        setup.out(&["sync", "--full"]);
        assert_eq!(setup.json(&["users"]).len(), 5);
        assert_eq!(setup.json(&["at", &start]).len(), 6);
        assert_eq!(setup.json(&["history", "--user", &id]).len(), 2);
        assert_eq!(setup.json(&["history", "--until", "2001-01-01"]).len(), 0);
        let export = setup.out(&["export", "ndjson", "--at", &start]);
        assert_eq!(export.lines().count(), 6);
        assert!(export.contains(&id));
        assert_eq!(setup.out(&["export", "csv"]).lines().count(), 6);
    }

    fn erases_a_user(setup) {
        setup.out(&["sync"]);
        let user = setup.json(&["users"])[0].clone();
        let (id, email) = (user["id"].as_str().unwrap(), user["email"].as_str().unwrap());
        let ended = setup.run(&["erase", id]);
        assert_eq!(ended.code, Some(2));
        assert!(ended.err.contains("pass --yes"), "{}", ended.err);
        assert_eq!(setup.json(&["users"]).len(), 6);
        assert_eq!(setup.json(&["erase", id, "--yes"])[0]["was_mirrored"], true);
        assert_eq!(setup.json(&["users"]).len(), 5);
        assert!(!setup.out(&["history", "--json"]).contains(email));
    }

    fn links_and_protects_a_user(setup) {
        setup.out(&["sync"]);
        let id = ids(&setup)[0].clone();
        assert_eq!(setup.json(&["link", &id, "acct_42"])[0]["linked_id"], "acct_42");
        assert_eq!(setup.json(&["link", &id, "--remove"])[0]["linked_id"], serde_json::Value::Null);
        assert_eq!(setup.json(&["protect", &id, "--reason", "last admin"])[0]["protection"], "last admin");
        assert_eq!(setup.json(&["unprotect", &id])[0]["protection"], serde_json::Value::Null);
        assert_eq!(setup.out(&["link", &id, "acct_43"]), "");
        assert_eq!(setup.run(&["link", "diruser_none", "acct_42"]).code, Some(1));
    }

    fn retires_a_directory(setup) {
        setup.out(&["sync"]);
        let directory = setup.sandbox.directory_id().to_owned();
        let decision = ["--yes", "--by", "ops", "--note", "moved"];
        assert_eq!(setup.run(&["retire", &directory, "--yes"]).code, Some(2));
        let listed = setup.run(&[&["retire", &directory][..], &decision].concat());
        assert_eq!(listed.code, Some(2));
        assert!(listed.err.contains("expected a directory that is missing or disabled"), "{}", listed.err);
        // Another sandbox does not have the organization, so its directory is missing.
        let setup = setup.with_sandbox(Sandbox::builder().users(1).seed(2));
        assert_eq!(setup.run(&["sync"]).code, Some(3));
        assert!(setup.out(&["status"]).contains("missing"));
        let ended = setup.run(&[&["retire", &directory][..], &decision].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert_eq!(ended.err, format!("{directory}: 6 users removed\n"));
        assert_eq!(setup.json(&["users"]).len(), 1);
    }

    fn forgets_an_organization_once_its_users_are_gone(setup) {
        setup.out(&["sync"]);
        let organization = setup.sandbox.organization_id().to_owned();
        let ended = setup.run(&["forget", &organization]);
        assert_eq!(ended.code, Some(2));
        assert!(ended.err.contains("pass --yes"), "{}", ended.err);
        let ended = setup.run(&["forget", &organization, "--yes"]);
        assert_eq!(ended.code, Some(2), "users are mirrored: {}", ended.err);
        let directory = setup.sandbox.directory_id().to_owned();
        // Another sandbox does not have the organization, so its directory is missing, and can be retired.
        let setup = setup.with_sandbox(Sandbox::builder().users(1).seed(2));
        assert_eq!(setup.run(&["sync"]).code, Some(3));
        setup.out(&["retire", &directory, "--yes", "--by", "ops", "--note", "moved"]);
        assert_eq!(setup.json(&["forget", &organization, "--yes"])[0]["users"], 6);
        assert!(!setup.out(&["history", "--json"]).contains(&organization));
    }

    fn copies_the_mirror_to_another_file(setup) {
        setup.out(&["sync"]);
        let ended = setup.run(&["copy", "--to", "copy.db"]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(ended.err.contains(" to copy.db, up to change "), "{}", ended.err);
        let copied = run(setup.command(&["--store", "copy.db", "users", "--json"]).env_remove("HEADCOUNT_SCHEMA"));
        assert_eq!(copied.out.lines().count(), 6, "{}", copied.err);
        assert_eq!(setup.run(&["copy", "--to", "copy.db"]).code, Some(1));
    }

    fn backs_up_a_file(setup) {
        setup.out(&["sync"]);
        let ended = setup.run(&["backup", "backup.db"]);
        if setup.is_on_postgres() {
            assert_ne!(ended.code, Some(0), "{}", ended.err);
            return;
        }
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let copied = run(&mut setup.command(&["--store", "backup.db", "users", "--json"]));
        assert_eq!(copied.out.lines().count(), 6);
    }

    fn watches_until_it_is_interrupted(setup) {
        let running = Running::start(&mut setup.command(&["sync", "--watch", "100ms", "--json"]));
        until("three syncs", || {
            let status = setup.run(&["runs", "--json"]);
            status.code == Some(0) && status.out.lines().count() >= 3
        });
        running.signal("INT");
        let ended = running.end();
        assert_eq!(ended.code, Some(130), "{}", ended.err);
        // The third one may have been interrupted after its record was written.
        assert!(ended.out.lines().count() >= 2, "{}", ended.out);
    }
}

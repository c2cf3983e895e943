//! Holds on both stores: how a sync reports them, and decisions about them.

use crate::setup::{Setup, on_both_stores};

/// Syncs, protects the first user, deletes the user in the directory and syncs again. Returns the id of the user and that of the hold.
fn held(setup: &Setup) -> (String, String) {
    setup.out(&["sync"]);
    let user = setup.json(&["users"])[0]["id"].as_str().unwrap().to_owned();
    setup.out(&["protect", &user, "--reason", "last admin"]);
    setup.sandbox.delete_user(&user).unwrap();
    assert_eq!(setup.run(&["sync", "--full", "--quiet"]).code, Some(3));
    let holds = setup.json(&["holds", "list"]);
    assert_eq!(holds.len(), 1);
    (user, holds[0]["id"].as_str().unwrap().to_owned())
}

on_both_stores! {
    fn a_held_removal_is_shown(setup) {
        let (_, hold) = held(&setup);
        let mut text = String::new();
        for (arguments, code) in [
            (&["plan", "--full"][..], 3),
            (&["sync", "--full"], 3),
            (&["status"], 0),
            (&["holds", "list"], 0),
            (&["holds", "show", &hold], 0),
        ] {
            let ended = setup.run(arguments);
            text += &format!("$ headcount {}\n{}{}\n", arguments.join(" "), ended.out, ended.err);
            assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.err);
        }
        setup.compare("held", &text.replace(&hold, "<hold>"));
    }

    fn a_sync_of_one_organization_reports_what_is_held(setup) {
        held(&setup);
        let ended = setup.run(&["sync", setup.sandbox.organization_id(), "--full", "--json"]);
        assert_eq!(ended.code, Some(3), "{}", ended.err);
        let report: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!(report["outcome"], "held");
        assert_eq!(report["error"]["kind"], "mass_removal");
    }

    fn an_approval_removes_the_users_of_the_hold(setup) {
        let (user, hold) = held(&setup);
        let by = ["--by", "ops@example.com", "--note", "left"];
        let asked = setup.run(&[&["holds", "approve", &hold][..], &by].concat());
        assert_eq!(asked.code, Some(2));
        assert!(asked.err.contains(&user) && asked.err.contains("pass --yes"), "{}", asked.err);
        let decided = setup.json(&[&["holds", "approve", &hold, "--yes"][..], &by].concat());
        assert_eq!(decided[0]["users"], 1);
        assert_eq!(decided[0]["hold_id"], *hold);
        assert_eq!(setup.json(&["users"]).len(), 5);
        assert!(setup.json(&["holds", "list"]).is_empty());
        let again = setup.run(&[&["holds", "approve", &hold, "--yes"][..], &by].concat());
        assert_eq!(again.code, Some(1), "{}", again.err);
        let explained = setup.out(&["explain", &user]);
        assert!(explained.contains("ops@example.com"), "{explained}");
    }

    fn a_dismissal_keeps_the_users(setup) {
        let (_, hold) = held(&setup);
        let ended = setup.run(&["holds", "dismiss", &hold, "--yes", "--by", "ops", "--note", "wrong export"]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert_eq!(ended.err, format!("dismissed {hold}: 1 user\n"));
        assert_eq!(setup.json(&["users"]).len(), 6);
        assert!(setup.json(&["holds", "list"]).is_empty());
        let shown = setup.run(&["holds", "show", &hold]);
        assert_eq!(shown.code, Some(0));
        assert!(shown.err.contains("no open hold has this id"), "{}", shown.err);
    }
}

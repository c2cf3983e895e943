//! `headcount changes` on both stores: to stdout, to commands and to a URL; failures of each.

use crate::endpoint::Endpoint;
use crate::setup::{Running, Setup, on_both_stores, run, until};
use headcount_sandbox::NewUser;
use std::net::TcpListener;
use std::process::Stdio;

/// The changes of the first sync of a sandbox with six users and two groups.
const CHANGES: usize = 14;

/// Returns the lag of the consumer `test`.
fn lag(setup: &Setup) -> u64 {
    let status = setup.json(&["status"]);
    let consumers = status[0]["consumers"].as_array().unwrap().clone();
    consumers.iter().find(|consumer| consumer["name"] == "test").unwrap()["lag"].as_u64().unwrap()
}

/// Returns the arguments of `changes` for the consumer `test`, with short waits between attempts.
fn changes<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["changes", "--consumer", "test", "--backoff", "10ms", "--backoff-limit", "50ms"][..], more].concat()
}

on_both_stores! {
    fn writes_each_change_once(setup) {
        setup.out(&["sync"]);
        let lines = setup.json(&["changes", "--consumer", "test"]);
        assert_eq!(lines.len(), CHANGES);
        let numbers: Vec<i64> = lines.iter().map(|change| change["seq"].as_i64().unwrap()).collect();
        assert!(numbers.is_sorted());
        assert_eq!(lines.last().unwrap()["kind"], "membership.added");
        assert_eq!(lag(&setup), 0);
        assert_eq!(setup.out(&["changes", "--consumer", "test"]), "");
        assert_eq!(setup.json(&["changes", "--consumer", "another"]).len(), CHANGES);
    }

    fn starts_again_with_a_snapshot(setup) {
        setup.out(&["sync"]);
        assert_eq!(setup.json(&["changes", "--consumer", "test"]).len(), CHANGES);
        let kinds: Vec<serde_json::Value> =
            setup.json(&["changes", "--consumer", "test", "--from-snapshot"]).iter().map(|change| change["kind"].clone()).collect();
        assert_eq!(kinds.len(), 8);
        assert!(kinds.iter().all(|kind| kind == "group.created" || kind == "user.created"), "{kinds:?}");
        assert_eq!(setup.out(&["changes", "--consumer", "test"]), "");
    }

    fn follows_until_it_is_interrupted(setup) {
        setup.out(&["sync"]);
        let running = Running::start(&mut setup.command(&changes(&["--follow"])));
        until("the first changes", || running.out().lines().count() == CHANGES);
        setup.sandbox.delete_user(setup.json(&["users"])[0]["id"].as_str().unwrap()).unwrap();
        setup.out(&["sync", "--full"]);
        until("the deletion", || running.out().contains("user.deleted"));
        until("the acknowledgement", || lag(&setup) == 0);
        running.signal("INT");
        assert_eq!(running.end().code, Some(130));
    }

    fn runs_a_command_for_each_change(setup) {
        setup.out(&["sync"]);
        let command = "test \"$(jq .seq)\" = \"$HEADCOUNT_SEQ\" && echo \"$HEADCOUNT_KIND $HEADCOUNT_ATTEMPT\" >> done";
        let ended = setup.run(&changes(&["--exec", command]));
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
        let done = std::fs::read_to_string(setup.folder.join("done")).unwrap();
        assert_eq!(done.lines().count(), CHANGES);
        assert!(done.contains("user.created 1\n"));
        assert_eq!(lag(&setup), 0);
    }

    fn repeats_a_command_that_fails(setup) {
        setup.out(&["sync"]);
        // Each change fails once.
        let ended = setup.run(&changes(&["--exec", "test $HEADCOUNT_ATTEMPT = 2"]));
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert_eq!(ended.err.matches("the command ended with the exit code 1; attempt 2 in ").count(), CHANGES, "{}", ended.err);
        assert_eq!(lag(&setup), 0);
    }

    fn parks_a_change_after_some_attempts(setup) {
        setup.out(&["sync"]);
        let ended = setup.run(&changes(&["--exec", "test $HEADCOUNT_KIND != group.created", "--park-after", "3"]));
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert_eq!(ended.err.matches("parked after 3 failed").count(), 2, "{}", ended.err);
        assert_eq!(lag(&setup), 0);
        assert_eq!(setup.json(&["status"])[0]["consumers"][0]["parked"], 2);
    }

    fn ends_a_command_that_hangs(setup) {
        setup.out(&["sync"]);
        let command = "case $HEADCOUNT_SEQ in 1) echo $$ >> hung; sleep 600;; esac";
        let ended = setup.run(&changes(&["--exec", command, "--timeout", "300ms", "--park-after", "2"]));
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert_eq!(ended.err.matches("the command took longer than 0.3 s and was ended").count(), 2, "{}", ended.err);
        assert_eq!(std::fs::read_to_string(setup.folder.join("hung")).unwrap().lines().count(), 2);
    }

    fn a_missing_command_ends_the_feed_and_acknowledges_nothing(setup) {
        setup.out(&["sync"]);
        let ended = setup.run(&changes(&["--follow", "--exec", "headcount-no-such-command"]));
        assert_eq!(ended.code, Some(1));
        assert!(ended.err.contains("headcount: change 1 (directory.enabled) is not acknowledged: the command was not found"), "{}", ended.err);
        assert_eq!(setup.json(&["changes", "--consumer", "test"]).len(), CHANGES);
    }

    fn posts_each_change_until_it_is_accepted(setup) {
        setup.out(&["sync"]);
        let endpoint = Endpoint::start(&[500, 503, 204, 429]);
        let ended = run(setup.command(&changes(&["--post", &endpoint.url])).env("HEADCOUNT_POST_TOKEN", "s3cret"));
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(ended.err.contains("the URL answered 503; attempt 3 in "), "{}", ended.err);
        assert!(!ended.err.contains("t0ken") && !ended.err.contains("s3cret"), "{}", ended.err);
        let requests = endpoint.requests();
        assert_eq!(requests.len(), CHANGES + 3);
        assert_eq!(requests[0].header("idempotency-key"), requests[2].header("idempotency-key"));
        assert_ne!(requests[2].header("idempotency-key"), requests[3].header("idempotency-key"));
        assert_eq!(requests[0].header("authorization"), Some("bearer s3cret"));
        let change: serde_json::Value = serde_json::from_str(&requests[0].body).unwrap();
        assert_eq!(change["seq"], 1);
        assert_eq!(lag(&setup), 0);
    }

    fn waits_for_a_url_that_is_down(setup) {
        setup.out(&["sync"]);
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("http://{address}/?key=t0ken");
        let running = Running::start(&mut setup.command(&changes(&["--post", &url, "--follow"])));
        until("some attempts", || running.err().contains("attempt 4 in "));
        running.signal("INT");
        let ended = running.end();
        assert_eq!(ended.code, Some(130), "{}", ended.err);
        assert!(!ended.err.contains("t0ken"), "{}", ended.err);
        assert_eq!(setup.json(&["changes", "--consumer", "test"]).len(), CHANGES);
    }
}

#[test]
fn a_closed_pipe_ends_the_feed_quietly() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    let script = format!("{} changes --consumer test --follow | head -n 1", env!("CARGO_BIN_EXE_headcount"));
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script]).envs(setup.variables()).current_dir(&setup.folder);
    let mut running = Running::start(&mut shell);
    // The reader closes the pipe after one line. The feed sees that when it writes a later one.
    let mut number = 0;
    until("the end of the feed", || {
        number += 1;
        setup
            .sandbox
            .create_user(NewUser { email: format!("user{number}@example.com"), ..NewUser::default() })
            .unwrap();
        setup.out(&["sync"]);
        running.child.try_wait().unwrap().is_some()
    });
    let ended = running.end();
    assert_eq!(ended.out.lines().count(), 1);
    assert_eq!(ended.err, "");
}

#[test]
fn binary_output_of_a_command_is_passed_on() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    let ended = setup.run(&changes(&["--exec", "printf '\\377\\000\\033'"]));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.out.matches('\0').count(), CHANGES);
}

#[test]
fn ctrl_c_ends_the_running_command() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    let running = Running::start(&mut setup.command(&changes(&["--exec", "echo $$ > shell; sleep 600 & wait"])));
    let path = setup.folder.join("shell");
    until("the command", || std::fs::read_to_string(&path).is_ok_and(|id| id.ends_with('\n')));
    running.signal("INT");
    assert_eq!(running.end().code, Some(130));
    let id = std::fs::read_to_string(&path).unwrap();
    let alive = std::process::Command::new("kill").args(["-0", id.trim()]).stderr(Stdio::null()).status().unwrap();
    assert!(!alive.success());
    assert_eq!(setup.json(&["changes", "--consumer", "test"]).len(), CHANGES);
}

#[test]
fn wrong_targets_are_usage_errors() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    for arguments in [
        &["changes"][..],
        &["changes", "--consumer", ""],
        &["changes", "--consumer", "test", "--exec", "true", "--post", "https://example.com"],
        &["changes", "--consumer", "test", "--post", "not a URL"],
        &["changes", "--consumer", "test", "--post", "ftp://example.com"],
        &["changes", "--consumer", "test", "--post", "http://example.com/t0ken"],
        &["changes", "--consumer", "test", "--exec", "true", "--park-after", "0"],
    ] {
        let ended = setup.run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.err);
        assert!(!ended.err.contains("t0ken"), "{}", ended.err);
    }
}

//! `headcount parked` and `headcount consumers` on both stores.

use crate::setup::{Setup, on_both_stores};

/// Syncs, and parks the two groups that are new, as the consumer `test`. Returns their numbers.
fn park(setup: &Setup) -> Vec<String> {
    setup.out(&["sync"]);
    let command = "test $HEADCOUNT_KIND != group.created";
    setup.out(&["changes", "--consumer", "test", "--exec", command, "--park-after", "1", "--quiet"]);
    let numbers: Vec<String> =
        setup.json(&["parked"]).iter().map(|parked| parked["change"]["seq"].to_string()).collect();
    assert_eq!(numbers.len(), 2);
    numbers
}

on_both_stores! {
    fn parked_changes_and_consumers_are_listed(setup) {
        park(&setup);
        let parked = setup.json(&["parked", "--consumer", "test"]);
        assert_eq!(parked[0]["consumer"], "test");
        assert_eq!(parked[0]["reason"], "the command ended with the exit code 1");
        assert_eq!(parked[0]["change"]["kind"], "group.created");
        let consumers = setup.json(&["consumers", "list"]);
        assert_eq!(consumers[0]["name"], "test");
        assert_eq!(consumers[0]["lag"], 0);
        assert_eq!(consumers[0]["parked"], 2);
        let mut text = String::new();
        for arguments in [&["parked"][..], &["consumers", "list"], &["parked", "--consumer", "another"]] {
            let ended = setup.run(arguments);
            assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
            text += &format!("$ headcount {}\n{}{}\n", arguments.join(" "), ended.out, ended.err);
        }
        setup.compare("parked", &text);
    }

    fn a_retry_drops_the_changes_that_were_handed_over(setup) {
        let numbers = park(&setup);
        let command = format!("test $HEADCOUNT_SEQ = {} && test $HEADCOUNT_ATTEMPT = 1", numbers[1]);
        let ended = setup.run(&["parked", "retry", "--consumer", "test", "--exec", &command, "--json"]);
        assert_eq!(ended.code, Some(1), "{}", ended.err);
        assert_eq!(ended.out, "{\"failed\":1,\"handed\":1}\n");
        assert!(ended.err.contains("; it stays parked"), "{}", ended.err);
        let left = setup.json(&["parked"]);
        assert_eq!(left.len(), 1);
        assert_eq!(left[0]["change"]["seq"].to_string(), numbers[0]);
        let again = setup.run(&["parked", "retry", "--consumer", "test", "--exec", "cat > change", &numbers[0]]);
        assert_eq!(again.code, Some(0), "{}", again.err);
        let change: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(setup.folder.join("change")).unwrap()).unwrap();
        assert_eq!(change, left[0]["change"]);
        assert!(setup.json(&["parked"]).is_empty());
    }

    fn parked_changes_are_dropped_by_number(setup) {
        let numbers = park(&setup);
        assert_eq!(setup.json(&["parked", "drop", "--consumer", "test", &numbers[0]])[0]["dropped"], 1);
        let again = setup.run(&["parked", "drop", "--consumer", "test", &numbers[0]]);
        assert_eq!(again.code, Some(1));
        assert!(again.err.contains(&format!("test has not parked change {}", numbers[0])), "{}", again.err);
        assert_eq!(setup.json(&["parked"]).len(), 1);
    }

    fn a_dropped_consumer_starts_again(setup) {
        park(&setup);
        let asked = setup.run(&["consumers", "drop", "test"]);
        assert_eq!(asked.code, Some(2));
        assert!(asked.err.contains("pass --yes"), "{}", asked.err);
        assert_eq!(setup.json(&["consumers", "drop", "test", "--yes"])[0]["dropped"], true);
        assert!(setup.json(&["consumers", "list"]).is_empty());
        assert!(setup.json(&["parked"]).is_empty());
        assert_eq!(setup.run(&["consumers", "drop", "test", "--yes"]).code, Some(1));
        assert_eq!(setup.json(&["changes", "--consumer", "test"]).len(), 14);
    }
}

#[test]
fn wrong_calls_are_usage_errors() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    for arguments in [
        &["parked", "retry", "--consumer", "test"][..],
        &["parked", "retry", "--exec", "true"],
        &["parked", "drop", "--consumer", "test"],
        &["parked", "drop", "--consumer", "test", "x"],
        &["parked", "--consumer", ""],
        &["consumers"],
        &["consumers", "drop"],
    ] {
        let ended = setup.run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.err);
    }
}

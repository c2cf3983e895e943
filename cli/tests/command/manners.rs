//! What all commands have in common: help, errors, exit codes, and what is written where.

use crate::setup::{Running, Setup, compare, program, run, wait};
use headcount_sandbox::{NewUser, Sandbox};
use std::io::Read;
use std::process::Stdio;

/// Returns the commands that a help text lists.
fn listed_commands(help: &str) -> Vec<String> {
    let list = help.split("\nCommands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap_or_default();
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn help_of_every_command_is_as_reviewed() {
    fn collect(path: &[&str], text: &mut String) {
        let ended = run(&mut program(&[path, &["--help"]].concat()));
        assert_eq!(ended.code, Some(0), "{path:?}");
        text.push_str(&format!("$ headcount {} --help\n{}\n", path.join(" "), ended.out));
        for name in listed_commands(&ended.out) {
            collect(&[path, &[&name]].concat(), text);
        }
    }
    let mut text = String::new();
    collect(&[], &mut text);
    compare("help", &text.replace("$ headcount  --help", "$ headcount --help"));
}

#[test]
fn a_misspelt_command_is_a_usage_error_with_a_suggestion() {
    let ended = run(&mut program(&["statsu"]));
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.out, "");
    assert!(ended.err.contains("a similar subcommand exists: 'status'"), "{}", ended.err);
}

#[test]
fn a_missing_setting_is_named_and_no_file_is_created() {
    for name in ["SCALEKIT_ENVIRONMENT_URL", "SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET"] {
        let setup = Setup::sqlite();
        for arguments in [&["sync"], &["plan"]] {
            let ended = run(setup.command(arguments).env_remove(name));
            assert_eq!(ended.code, Some(2), "{name}");
            assert_eq!(ended.err, format!("headcount: {name} is not set: set it in the environment\n"));
        }
        assert_eq!(std::fs::read_dir(&setup.folder).unwrap().count(), 0);
    }
}

#[test]
fn a_command_that_reads_does_not_create_a_mirror() {
    let setup = Setup::sqlite();
    for arguments in
        [&["status"][..], &["users"], &["explain", "diruser_1"], &["backup", "copy.db"], &["holds", "list"]]
    {
        let ended = setup.run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}");
        assert!(ended.err.starts_with("headcount: there is no mirror at "), "{}", ended.err);
    }
    assert_eq!(std::fs::read_dir(&setup.folder).unwrap().count(), 0);
}

#[test]
fn a_plan_without_a_mirror_creates_none() {
    let setup = Setup::sqlite();
    assert!(setup.out(&["plan"]).contains("6 user.created"));
    assert_eq!(std::fs::read_dir(&setup.folder).unwrap().count(), 0);
}

#[test]
fn a_mirror_of_another_environment_is_refused() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    let ended = run(setup.command(&["sync", "org_1"]).env("SCALEKIT_ENVIRONMENT_URL", "https://other.example.com"));
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("environment"), "{}", ended.err);
}

#[test]
fn a_refused_secret_fails_and_is_not_shown() {
    let setup = Setup::sqlite();
    let ended = run(setup.command(&["sync"]).env("SCALEKIT_CLIENT_SECRET", "wr0ng-s3cret"));
    assert_eq!(ended.code, Some(1));
    assert!(!ended.err.contains("wr0ng-s3cret") && !ended.out.contains("wr0ng-s3cret"));
}

#[test]
fn a_password_in_the_store_is_not_shown() {
    let place = "postgresql://app:s3cret@127.0.0.1:1/app";
    for arguments in [&["status"][..], &["--help"], &["backup", "x.db"]] {
        let ended = run(program(arguments).env("HEADCOUNT_STORE", place));
        assert!(!ended.err.contains("s3cret") && !ended.out.contains("s3cret"), "{} {}", ended.out, ended.err);
    }
    let ended = run(program(&["status"]).env("HEADCOUNT_STORE", place));
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.starts_with("headcount: "), "{}", ended.err);
}

#[test]
fn a_file_that_is_not_a_mirror_is_refused() {
    let setup = Setup::sqlite();
    std::fs::write(&setup.store, "these are my notes, and not a database").unwrap();
    let ended = setup.run(&["status"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(std::fs::read_to_string(&setup.store).unwrap(), "these are my notes, and not a database");
}

#[test]
fn a_closed_pipe_ends_the_command_quietly() {
    let setup = Setup::with(Sandbox::builder().users(500), false);
    setup.out(&["sync"]);
    let mut child = setup.command(&["users", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The users need more room than a pipe has, so the program is writing when the pipe is closed.
    let mut some = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let code = wait(&mut child);
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(err, "");
    assert_eq!(code, Some(0));
}

#[test]
fn a_full_disk_is_reported() {
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut child = program(&["version"]).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    assert_eq!(wait(&mut child), Some(1));
}

#[test]
fn quiet_commands_write_nothing_to_stderr() {
    let setup = Setup::sqlite();
    let ended = setup.run(&["sync", "--quiet"]);
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.err, "");
    assert!(ended.out.contains("done"));
}

#[test]
fn verbose_commands_write_log_lines_to_stderr() {
    let setup = Setup::sqlite();
    let ended = setup.run(&["sync", "-vvv", "--json"]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.err.contains("headcount"), "{}", ended.err);
    assert!(ended.err.lines().count() > 5, "{}", ended.err);
    assert_eq!(ended.out.lines().count(), 1);
    assert!(!ended.err.contains(setup.sandbox.client_secret()));
}

#[test]
fn text_is_not_coloured_without_a_terminal() {
    let setup = Setup::sqlite();
    assert!(!setup.out(&["plan"]).contains('\x1b'));
}

#[test]
fn names_cannot_control_the_terminal() {
    let setup = Setup::sqlite();
    let user = NewUser {
        email: "eve@example.com".to_owned(),
        given_name: "\x1b[2JEve\nuser".to_owned(),
        ..NewUser::default()
    };
    setup.sandbox.create_user(user).unwrap();
    let plan = setup.out(&["plan"]);
    assert!(plan.contains("\u{fffd}[2JEve\u{fffd}user") && !plan.contains('\x1b'), "{plan}");
    setup.out(&["sync"]);
    for arguments in [&["users"][..], &["explain", "eve@example.com"]] {
        assert!(!setup.out(arguments).contains('\x1b'));
    }
}

#[test]
fn odd_ids_are_only_ids() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    for id in ["org_'; drop table users; --", "../..", "org/1?x=y#z", "組織", "-"] {
        let ended = setup.run(&["users", "--", id]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{id}: {}", ended.err);
        let ended = setup.run(&["sync", "--", id]);
        assert!(matches!(ended.code, Some(1 | 2)), "{id}: {:?} {}", ended.code, ended.err);
        let ended = setup.run(&["explain", "--", id]);
        assert_eq!(ended.code, Some(1), "{id}: {}", ended.err);
    }
    assert_eq!(setup.json(&["users"]).len(), 6);
}

#[test]
fn a_wrong_value_is_a_usage_error() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    for arguments in [
        &["at", "yesterday"][..],
        &["sync", "--watch", "soon"],
        &["sync", "--watch", "0s"],
        &["export", "xml"],
        &["runs", "--limit", "0"],
        &["holds", "show", "x"],
        &["holds", "approve", "hold_1-1", "--yes"],
        &["erase"],
        &["forget"],
    ] {
        let ended = setup.run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.err);
    }
}

#[test]
fn the_version_is_text_or_json() {
    assert_eq!(run(&mut program(&["version"])).out, format!("headcount {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(
        run(&mut program(&["version", "--json"])).out,
        format!("{{\"version\":\"{}\"}}\n", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(run(&mut program(&["--version"])).out, format!("headcount {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_are_scripts_that_the_shell_accepts() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ended = run(&mut program(&["completions", shell]));
        assert_eq!(ended.code, Some(0));
        assert!(ended.out.contains("headcount") && ended.out.contains("explain"), "{shell}");
    }
    let setup = Setup::sqlite();
    let script = setup.folder.join("headcount.bash");
    std::fs::write(&script, run(&mut program(&["completions", "bash"])).out).unwrap();
    let checked = run(std::process::Command::new("bash").arg("-n").arg(script));
    assert_eq!((checked.code, checked.err.as_str()), (Some(0), ""));
}

#[test]
fn manual_pages_are_written_for_each_command() {
    let setup = Setup::sqlite();
    setup.out(&["man", "."]);
    for page in ["headcount.1", "headcount-sync.1", "headcount-holds-approve.1"] {
        let text = std::fs::read_to_string(setup.folder.join(page)).unwrap();
        assert!(text.contains(".TH headcount"), "{page}");
    }
    let ended = setup.run(&["man", "missing"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("missing"), "{}", ended.err);
}

#[test]
fn sigterm_ends_a_watching_sync() {
    let setup = Setup::sqlite();
    let running = Running::start(&mut setup.command(&["sync", "--watch", "1h"]));
    crate::setup::until("the first sync", || setup.run(&["status"]).out.contains("enabled"));
    running.signal("TERM");
    let ended = running.end();
    assert_eq!(ended.code, Some(143));
    assert!(ended.err.contains("interrupted"), "{}", ended.err);
}

//! What a terminal shows: progress bars, colours, questions, and Ctrl-C.

use crate::setup::{Setup, program, until};
use headcount_sandbox::{FaultPlan, Sandbox};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

/// The program in a pseudo-terminal. It is killed when it is dropped.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    shown: Arc<Mutex<String>>,
    /// Reads what is shown until the terminal is closed.
    reading: std::thread::JoinHandle<()>,
}

impl Terminal {
    fn start(setup: &Setup, arguments: &[&str], columns: u16, variables: &[(&str, &str)]) -> Terminal {
        let pair = native_pty_system().openpty(size(columns)).unwrap();
        let known = program(&[]);
        let mut command = CommandBuilder::new(known.get_program());
        known.get_envs().for_each(|(name, _)| command.env_remove(name));
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        command.cwd(&setup.folder);
        setup.variables().iter().for_each(|(name, value)| command.env(name, value));
        variables.iter().for_each(|(name, value)| command.env(name, value));
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let shown: Arc<Mutex<String>> = Arc::default();
        let seen = Arc::clone(&shown);
        let reading = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // At the end of the program, reading from a pseudo-terminal fails.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                seen.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Terminal { child, keyboard: pair.master.take_writer().unwrap(), master: pair.master, shown, reading }
    }

    fn shown(&self) -> String {
        self.shown.lock().unwrap().clone()
    }

    fn until_shown(&self, text: &str) {
        until(&format!("{text:?}"), || self.shown().contains(text));
    }

    fn write(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Waits for the end of the program, and returns its exit code and everything that was shown.
    fn end(mut self) -> (u32, String) {
        let mut status = None;
        until("the end of the command", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        // The program may have ended before everything that it has written was read.
        until("the end of the output", || self.reading.is_finished());
        (status.unwrap().exit_code(), self.shown())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn size(columns: u16) -> PtySize {
    PtySize { rows: 24, cols: columns, pixel_width: 0, pixel_height: 0 }
}

/// Returns a place with a sandbox of several pages of users, whose calls each take a quarter of a second.
fn slow() -> Setup {
    let setup = Setup::with(Sandbox::builder().users(1000).groups(2), false);
    setup.sandbox.set_faults(&FaultPlan { fault: Some("latency:250ms".to_owned()), ..FaultPlan::default() }).unwrap();
    setup
}

/// Returns the lines that the program drew, without the sequences that move the cursor and erase lines.
fn drawn(shown: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut characters = shown.chars();
    while let Some(c) = characters.next() {
        match c {
            '\r' | '\n' => lines.push(String::new()),
            '\x1b' => {
                // ECMA-48: a control sequence ends with a character from @ to ~, after its first one.
                characters.next();
                for c in characters.by_ref() {
                    if ('@'..='~').contains(&c) {
                        break;
                    }
                }
            }
            c => lines.last_mut().unwrap().push(c),
        }
    }
    lines
}

#[test]
fn a_sync_shows_a_bar_with_pages_and_rate_and_removes_it() {
    let setup = slow();
    let terminal = Terminal::start(&setup, &["sync"], 120, &[]);
    terminal.until_shown(" users, ");
    let (code, shown) = terminal.end();
    assert_eq!(code, 0, "{shown}");
    let is_whole = |line: &String| {
        line.contains("/1000 users") && line.contains('[') && line.contains(" pages, ") && line.contains("/s")
    };
    assert!(drawn(&shown).iter().any(is_whole), "{shown}");
    // The bar is erased before the table is written.
    let table = shown.split("DIRECTORY").nth(1).unwrap();
    assert!(!table.contains("/1000 users"), "{table}");
}

#[test]
fn a_bar_fits_a_terminal_of_20_columns() {
    let setup = slow();
    let (code, shown) = Terminal::start(&setup, &["sync"], 20, &[]).end();
    assert_eq!(code, 0, "{shown}");
    let lines = drawn(&shown);
    assert!(lines.iter().any(|line| line.contains("users")), "{shown}");
    for line in lines {
        assert!(line.trim_end().chars().count() <= 20, "{line:?}");
    }
}

#[test]
fn a_bar_follows_a_resize() {
    let setup = slow();
    let terminal = Terminal::start(&setup, &["sync"], 120, &[]);
    terminal.until_shown("/1000 users, ");
    terminal.master.resize(size(20)).unwrap();
    let before = terminal.shown().len();
    let (code, shown) = terminal.end();
    assert_eq!(code, 0, "{shown}");
    // One bar of the former width may have been drawn while the size changed.
    let lines = drawn(&shown[before..]);
    let wide = lines.iter().filter(|line| line.trim_end().chars().count() > 20).count();
    assert!(wide <= 1, "{lines:?}");
}

#[test]
fn ctrl_c_ends_a_sync_with_130_and_the_next_one_completes_it() {
    let setup = slow();
    let mut terminal = Terminal::start(&setup, &["sync"], 80, &[]);
    terminal.until_shown("/1000 users");
    terminal.write("\x03");
    let (code, shown) = terminal.end();
    assert_eq!(code, 130, "{shown}");
    assert!(shown.contains("headcount: interrupted"), "{shown}");
    setup.sandbox.set_faults(&FaultPlan::default()).unwrap();
    assert_eq!(setup.json(&["sync"])[0]["outcome"], "done");
    assert_eq!(setup.json(&["users"]).len(), 1000);
}

#[test]
fn a_plan_is_coloured_on_a_terminal_unless_no_color_is_set() {
    let setup = Setup::sqlite();
    let (code, shown) = Terminal::start(&setup, &["plan"], 100, &[]).end();
    assert_eq!(code, 0);
    assert!(shown.contains("\x1b[32m+ "), "{shown}");
    for variable in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let (_, shown) = Terminal::start(&setup, &["plan"], 100, &[variable]).end();
        assert!(!shown.contains("\x1b[32m"), "{shown}");
    }
}

#[test]
fn a_table_fits_a_narrow_terminal() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    for columns in [20, 60, 100] {
        let (code, shown) = Terminal::start(&setup, &["users", "--quiet"], columns, &[]).end();
        assert_eq!(code, 0);
        for line in shown.lines() {
            assert!(unicode_width::UnicodeWidthStr::width(line) <= usize::from(columns), "{columns}: {line:?}");
        }
    }
}

#[test]
fn an_erasure_asks_before_it_begins() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    let id = setup.json(&["users"])[0]["id"].as_str().unwrap().to_owned();
    for (answer, code, left) in [("no\r", 1, 6), ("\r", 1, 6), ("\x04", 1, 6), ("yes\r", 0, 5)] {
        let mut terminal = Terminal::start(&setup, &["erase", &id], 100, &[]);
        terminal.until_shown("[yes/no]");
        terminal.write(answer);
        let (ended, shown) = terminal.end();
        assert_eq!(ended, code, "{answer:?}: {shown}");
        assert_eq!(setup.json(&["users"]).len(), left, "{answer:?}: {shown}");
    }
}

#[test]
fn ctrl_c_at_a_question_changes_nothing() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    let id = setup.json(&["users"])[0]["id"].as_str().unwrap().to_owned();
    let mut terminal = Terminal::start(&setup, &["erase", &id], 100, &[]);
    terminal.until_shown("[yes/no]");
    terminal.write("\x03");
    let (code, shown) = terminal.end();
    assert_eq!(code, 130, "{shown}");
    assert_eq!(setup.json(&["users"]).len(), 6);
}

#[test]
fn an_approval_shows_the_users_and_asks_who_decides_and_why() {
    let setup = Setup::sqlite();
    setup.out(&["sync"]);
    let user = setup.json(&["users"])[0]["id"].as_str().unwrap().to_owned();
    setup.out(&["protect", &user, "--reason", "last admin"]);
    setup.sandbox.delete_user(&user).unwrap();
    assert_eq!(setup.run(&["sync", "--full"]).code, Some(3));
    let hold = setup.json(&["holds", "list"])[0]["id"].as_str().unwrap().to_owned();
    let mut terminal = Terminal::start(&setup, &["holds", "approve", &hold], 120, &[]);
    terminal.until_shown("Approve? 1 user will lose access.");
    assert!(terminal.shown().contains(&user));
    terminal.write("yes\r");
    terminal.until_shown("Who decides?");
    terminal.write("ops@example.com\r");
    terminal.until_shown("Why?");
    terminal.write("has left\r");
    let (code, shown) = terminal.end();
    assert_eq!(code, 0, "{shown}");
    assert!(setup.out(&["explain", &user]).contains("has left"));
}

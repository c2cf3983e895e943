//! Questions on the terminal.

use crate::failure::Failure;
use crate::output::Output;
use std::io::{IsTerminal, Write};

/// Asks whether to do something. Returns an error unless the answer is `yes` or `y`.
///
/// # Errors
///
/// A failure if the answer is another one; a usage error if stdin is no terminal, because nobody can answer then.
pub(crate) async fn confirm(output: &Output, question: &str) -> Result<(), Failure> {
    match ask(output, &format!("{question} [yes/no] "), "--yes").await?.to_lowercase().as_str() {
        "yes" | "y" => Ok(()),
        _ => Err(Failure::new("not confirmed: nothing was changed")),
    }
}

/// Returns an argument, or asks for it if it was not given as `option`.
///
/// # Errors
///
/// As [`confirm`].
pub(crate) async fn text(
    output: &Output,
    given: Option<String>,
    question: &str,
    option: &str,
) -> Result<String, Failure> {
    match given {
        Some(text) => Ok(text),
        None => ask(output, question, option).await,
    }
}

async fn ask(output: &Output, question: &str, option: &str) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(format!("stdin is no terminal, so nobody can be asked: pass {option}")));
    }
    output.finish()?;
    write!(std::io::stderr().lock(), "{question}")?;
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    match read.await {
        Ok(line) => Ok(line?.trim().to_owned()),
        Err(_) => Err(Failure::new("the answer could not be read")),
    }
}

//! Questions on the terminal.

use crate::failure::Failure;
use crate::output::Output;
use std::io::{IsTerminal, Write};

/// The options of a decision, which is recorded with a name and a reason.
#[derive(Debug, clap::Args)]
pub(crate) struct Decision {
    /// Do it without a question
    #[arg(long, requires = "by", requires = "note")]
    pub(crate) yes: bool,
    /// Who decides
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// The reason
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

impl Decision {
    /// Returns the name and the reason, and asks for those that were not given.
    ///
    /// # Errors
    ///
    /// As [`confirm`].
    pub(crate) async fn by_and_note(self, output: &Output) -> Result<(String, String), Failure> {
        let by = text(output, self.by, "Who decides? ", "--by").await?;
        Ok((by, text(output, self.note, "Why? ", "--note").await?))
    }
}

/// Asks whether to do something. Returns an error unless the answer is `yes` or `y`.
///
/// # Errors
///
/// A failure if the answer is another one; a usage error if stdin is no terminal, because there is no answer then.
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
async fn text(output: &Output, given: Option<String>, question: &str, option: &str) -> Result<String, Failure> {
    match given {
        Some(text) => Ok(text),
        None => ask(output, question, option).await,
    }
}

async fn ask(output: &Output, question: &str, option: &str) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(format!("stdin is no terminal, so the question cannot be answered: pass {option}")));
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

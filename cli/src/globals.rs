//! The options that every command has.

/// The options that every command has.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// The mirror: path of a SQLite file, or URL of a PostgreSQL database (postgresql://user@host/database) [default: headcount.db]
    // The value is hidden because a URL may have a password.
    #[arg(long, global = true, value_name = "PATH|URL", env = "HEADCOUNT_STORE", hide_env_values = true)]
    pub(crate) store: Option<String>,
    /// Schema of the mirror's tables, in a PostgreSQL database [default: headcount]
    #[arg(long, global = true, value_name = "NAME", env = "HEADCOUNT_SCHEMA", hide_env_values = true)]
    pub(crate) schema: Option<String>,
    /// Write data as JSON: each line is one document.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Write no messages and no progress to stderr, only errors.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Write log lines to stderr; more with -vv and -vvv.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

//! The command line. `globals` has the options of all commands, and `commands` those of each command.

use crate::commands::Command;
use crate::globals::Globals;
use clap::Parser;

const ABOUT: &str =
    "Keeps a local mirror of your customers' directories, and shows, explains and forwards what changed in them.";

const SETTINGS: &str = "\
Environment:
  SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET  the account, for commands that call the API
  SCALEKIT_WEBHOOK_SECRET  the secret of webhooks, for `trigger` and `doctor`
  HEADCOUNT_STORE, HEADCOUNT_SCHEMA  as --store and --schema; a password of PostgreSQL can be in PGPASSWORD or ~/.pgpass
  NO_COLOR  no colours, if it is not empty

Exit codes:
  0 done   1 failed   2 the command line or a setting is wrong   3 losses of access are held
  4 a listing was incomplete   5 another sync is running   130 interrupted by Ctrl-C   143 by SIGTERM

Examples:
  headcount sync                         sync all directories into headcount.db
  headcount plan org_1                   show what a sync would change
  headcount explain ada@example.com      why somebody has or lost access
  headcount users --json | jq -r .email  data are on stdout, everything else is on stderr";

#[derive(Debug, Parser)]
#[command(name = "headcount", version, about = ABOUT, after_help = SETTINGS, max_term_width = 120, propagate_version = false)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_has_a_help_text() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Arguments::command());
    }
}

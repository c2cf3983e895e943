//! `headcount export`.

use super::pages::organizations;
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::values;
use headcount::Timestamp;
use headcount::mirror::ExportFormat;

/// Write users as CSV or NDJSON, for a review of who has access
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Data: the text; --json has no effect.

Examples:
  headcount export csv org_1 > users.csv
  headcount export ndjson --at 2025-01-31")]
pub(crate) struct Options {
    /// The format
    #[arg(value_enum)]
    format: Format,
    /// Id of the organization (org_…); without it, all
    #[arg(value_name = "ORG")]
    organization: Option<String>,
    /// The users of a past time: RFC 3339, or a date
    #[arg(long, value_name = "DATE", value_parser = values::moment)]
    at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Csv,
    Ndjson,
}

pub(crate) async fn run(context: &Context, options: Options) -> Result<Status, Failure> {
    let mirror = context.mirror().await?;
    let format = match options.format {
        Format::Csv => ExportFormat::Csv,
        Format::Ndjson => ExportFormat::Ndjson,
    };
    let mut has_header = false;
    for organization in organizations(&mirror, options.organization).await? {
        let users = match options.at {
            Some(moment) => mirror.at(moment, &organization),
            None => mirror.users(&organization),
        };
        let mut export = users.export(format);
        let mut is_first = true;
        while let Some(piece) = export.next().await? {
            // Each organization's CSV begins with the same header: it is written once.
            let repeats_header = options.format == Format::Csv && is_first && has_header;
            let text = if repeats_header { piece.split_once("\r\n").map_or("", |(_, rest)| rest) } else { &piece };
            context.output.text(text.as_bytes())?;
            (is_first, has_header) = (false, true);
        }
    }
    Ok(Status::Done)
}

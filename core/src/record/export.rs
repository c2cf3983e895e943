//! The formats in which users are exported.

use crate::error::named;

named! {
    /// The format of an export.
    ExportFormat {
        /// Comma-separated values as in RFC 4180, with a header: for spreadsheets. Groups and roles are joined by `; `. A text that a spreadsheet would
        /// take for a formula begins with an apostrophe: one that begins with `=`, `+`, `-`, `@`, a tab or a line break.
        Csv = "csv",
        /// A JSON object on each line, with every text as it is: for programs.
        Ndjson = "ndjson",
    }
}

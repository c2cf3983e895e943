//! The settings of a mirror as arguments: those that the store keeps, and those of a PostgreSQL database.

use crate::convert::{Flag, Number, Size, Span, Text, Texts};
use headcount::MirrorBuilder;
use headcount::mirror::{MirrorOptions, UserFields};

/// The settings that the store keeps; `None` for those that were not passed.
pub(super) struct Settings {
    pub(super) guard_users: Option<Size>,
    pub(super) guard_share: Option<Number>,
    pub(super) guard_events: Option<Flag>,
    pub(super) guard_window: Option<Span>,
    pub(super) full_every: Option<Span>,
    pub(super) retention: Option<Span>,
    pub(super) history: Option<Span>,
    pub(super) deletion_grace: Option<Span>,
    pub(super) consumer_expiry: Option<Span>,
    pub(super) pending_events: Option<Size>,
    pub(super) pending_bytes: Option<Size>,
    pub(super) groups_per_user: Option<Size>,
    pub(super) fields: Option<Texts>,
}

impl TryFrom<Settings> for MirrorOptions {
    type Error = headcount::Error;

    fn try_from(given: Settings) -> headcount::Result<MirrorOptions> {
        let number = |size: Option<Size>| size.map(|size| u32::from(size).into());
        let duration = |span: Option<Span>| span.map(|span| span.0);
        Ok(MirrorOptions {
            guard_users: number(given.guard_users),
            guard_share: given.guard_share.map(|share| share.0),
            guard_events: given.guard_events.map(bool::from),
            guard_window: duration(given.guard_window),
            full_every: duration(given.full_every),
            retention: duration(given.retention),
            history: duration(given.history),
            deletion_grace: duration(given.deletion_grace),
            consumer_expiry: duration(given.consumer_expiry),
            pending_events: number(given.pending_events),
            pending_bytes: number(given.pending_bytes),
            groups_per_user: number(given.groups_per_user),
            fields: given.fields.map(|names| UserFields::named(Vec::from(names))).transpose()?,
        })
    }
}

/// The options for a mirror in a PostgreSQL database.
pub(super) struct Database {
    pub(super) schema: Option<Text>,
    pub(super) connections: Option<Size>,
    pub(super) lock_timeout: Option<Span>,
    pub(super) statement_timeout: Option<Span>,
    pub(super) prepared_statements: Option<Flag>,
}

impl Database {
    /// Sets the options that were passed.
    pub(super) fn apply(self, mut builder: MirrorBuilder) -> MirrorBuilder {
        if let Some(schema) = self.schema {
            builder = builder.schema(String::from(schema));
        }
        if let Some(most) = self.connections {
            builder = builder.connections(most.into());
        }
        if let Some(timeout) = self.lock_timeout {
            builder = builder.lock_timeout(timeout.into());
        }
        if let Some(timeout) = self.statement_timeout {
            builder = builder.statement_timeout(timeout.into());
        }
        if let Some(prepared) = self.prepared_statements {
            builder = builder.prepared_statements(prepared.into());
        }
        builder
    }
}

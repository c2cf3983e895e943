//! The settings of a mirror that the store keeps, as arguments of the constructors and of `configure`.

use crate::convert::{Flag, Number, Size, Span};
use headcount::mirror::MirrorOptions;

/// The settings that the store keeps; `None` for those that were not passed.
pub(super) struct Settings {
    pub(super) guard_users: Option<Size>,
    pub(super) guard_share: Option<Number>,
    pub(super) guard_events: Option<Flag>,
    pub(super) guard_window: Option<Span>,
    pub(super) full_every: Option<Span>,
    pub(super) retention: Option<Span>,
    pub(super) consumer_expiry: Option<Span>,
    pub(super) pending_events: Option<Size>,
    pub(super) pending_bytes: Option<Size>,
    pub(super) groups_per_user: Option<Size>,
}

impl From<Settings> for MirrorOptions {
    fn from(given: Settings) -> MirrorOptions {
        let number = |size: Option<Size>| size.map(|size| u32::from(size).into());
        let duration = |span: Option<Span>| span.map(|span| span.0);
        MirrorOptions {
            guard_users: number(given.guard_users),
            guard_share: given.guard_share.map(|share| share.0),
            guard_events: given.guard_events.map(bool::from),
            guard_window: duration(given.guard_window),
            full_every: duration(given.full_every),
            retention: duration(given.retention),
            consumer_expiry: duration(given.consumer_expiry),
            pending_events: number(given.pending_events),
            pending_bytes: number(given.pending_bytes),
            groups_per_user: number(given.groups_per_user),
        }
    }
}

//! The change feed: numbered changes, and consumers that each remember how far they are.

use crate::boundary::{call, free, read};
use crate::error::{hc_error, hc_status};
use crate::mirror::hc_mirror;
use crate::mirrored::{hc_mirror_group, hc_mirror_user};
use crate::page::{at, lent};
use crate::text::{Text, TextList};
use headcount_core::{Change, ChangeKind, Consumer, Error, MirrorGroup, MirrorUser, Mirrored, ParkedChange, Timestamp};
use serde::Serialize;
use std::ffi::c_char;
use std::ptr;
use std::time::Duration;

/// For timeout_ms of hc_mirror_wait: until something comes.
pub const HC_WAIT_FOREVER: i64 = -1;

/// One change, as consumers get it.
pub struct hc_change {
    seq: i64,
    kind: ChangeKind,
    organization_id: String,
    directory_id: String,
    user: Option<hc_mirror_user>,
    group: Option<hc_mirror_group>,
    before: Side,
    after: Side,
    fields: Vec<String>,
    cause: String,
    at: Timestamp,
    texts: ChangeTexts,
}

#[derive(Default)]
struct ChangeTexts {
    kind: Text,
    organization_id: Text,
    directory_id: Text,
    fields: TextList,
    cause: Text,
    at: Text,
    json: Text,
}

/// What was, or what is.
enum Side {
    User(Box<hc_mirror_user>),
    Group(Box<hc_mirror_group>),
    Nothing,
}

impl From<Option<Mirrored>> for Side {
    fn from(side: Option<Mirrored>) -> Side {
        match side {
            Some(Mirrored::User(user)) => Side::User(Box::new((*user).into())),
            Some(Mirrored::Group(group)) => Side::Group(Box::new(group.into())),
            None => Side::Nothing,
        }
    }
}

impl Side {
    fn user(&self) -> Option<&hc_mirror_user> {
        if let Side::User(user) = self { Some(user.as_ref()) } else { None }
    }

    fn group(&self) -> Option<&hc_mirror_group> {
        if let Side::Group(group) = self { Some(group.as_ref()) } else { None }
    }

    fn described(&self) -> Option<Described<'_>> {
        match self {
            Side::User(user) => Some(Described::User(&user.user)),
            Side::Group(group) => Some(Described::Group(&group.group)),
            Side::Nothing => None,
        }
    }
}

/// A user or a group in JSON, with no name around it: the change's kind says which it is.
#[derive(Serialize)]
#[serde(untagged)]
enum Described<'a> {
    User(&'a MirrorUser),
    Group(&'a MirrorGroup),
}

/// A change in JSON.
#[derive(Serialize)]
struct DescribedChange<'a> {
    seq: i64,
    kind: ChangeKind,
    organization_id: &'a str,
    directory_id: &'a str,
    user: Option<&'a MirrorUser>,
    group: Option<&'a MirrorGroup>,
    before: Option<Described<'a>>,
    after: Option<Described<'a>>,
    fields: &'a [String],
    cause: &'a str,
    at: Timestamp,
}

impl From<Change> for hc_change {
    fn from(change: Change) -> hc_change {
        hc_change {
            seq: change.seq,
            kind: change.kind,
            organization_id: change.organization_id,
            directory_id: change.directory_id,
            user: change.user.map(From::from),
            group: change.group.map(From::from),
            before: change.before.into(),
            after: change.after.into(),
            fields: change.fields,
            cause: change.cause,
            at: change.at,
            texts: ChangeTexts::default(),
        }
    }
}

impl hc_change {
    fn described(&self) -> DescribedChange<'_> {
        DescribedChange {
            seq: self.seq,
            kind: self.kind,
            organization_id: &self.organization_id,
            directory_id: &self.directory_id,
            user: self.user.as_ref().map(|user| &user.user),
            group: self.group.as_ref().map(|group| &group.group),
            before: self.before.described(),
            after: self.after.described(),
            fields: &self.fields,
            cause: &self.cause,
            at: self.at,
        }
    }
}

/// A change that a consumer's handler could not handle, put aside so that the rest goes on.
pub struct hc_parked_change {
    change: hc_change,
    reason: String,
    at: Timestamp,
    texts: ParkedTexts,
}

#[derive(Default)]
struct ParkedTexts {
    reason: Text,
    at: Text,
}

impl From<ParkedChange> for hc_parked_change {
    fn from(parked: ParkedChange) -> hc_parked_change {
        let ParkedChange { change, reason, at, .. } = parked;
        hc_parked_change { change: change.into(), reason, at, texts: ParkedTexts::default() }
    }
}

/// How far a consumer is.
pub struct hc_consumer {
    consumer: Consumer,
    texts: ConsumerTexts,
}

#[derive(Default)]
struct ConsumerTexts {
    name: Text,
    seen_at: Text,
}

impl From<Consumer> for hc_consumer {
    fn from(consumer: Consumer) -> hc_consumer {
        hc_consumer { consumer, texts: ConsumerTexts::default() }
    }
}

/// The changes behind a consumer's cursor, oldest first. A name that is new begins with the oldest change that is kept. What
/// is not acknowledged (hc_mirror_ack) comes again.
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `limit`: the most changes to give, 1 to 10000.
/// - `batch`: receives the changes, none where there is nothing new; free it with hc_change_batch_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_poll(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    limit: usize,
    batch: *mut *mut hc_change_batch,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, batch, (mirror: object, consumer: text) => mirror.0.poll(consumer, limit).map(hc_change_batch::from))
}

/// As hc_mirror_poll, but where there is nothing yet it waits for the first change, and gives none after the timeout. A
/// change of another process is seen within half a second.
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `limit`: the most changes to give, 1 to 10000.
/// - `timeout_ms`: how long to wait, in milliseconds. 0: not at all. HC_WAIT_FOREVER: until something comes.
/// - `batch`: receives the changes; free it with hc_change_batch_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_wait(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    limit: usize,
    timeout_ms: i64,
    batch: *mut *mut hc_change_batch,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, batch, (mirror: object, consumer: text) => {
        let timeout = match timeout_ms {
            HC_WAIT_FOREVER => None,
            milliseconds => Some(Duration::from_millis(u64::try_from(milliseconds).map_err(|_| {
                Error::invalid_argument("timeout_ms is negative: expected milliseconds, or HC_WAIT_FOREVER")
            })?)),
        };
        mirror.0.wait(consumer, limit, timeout).map(hc_change_batch::from)
    })
}

/// Acknowledges every change up to and including one: the consumer does not get them again. Durable when it returns. A
/// smaller number than one acknowledged before changes nothing.
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `seq`: the number of a change that hc_mirror_poll gave.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT for a consumer that never polled and a number that no change has, or HC_STORE.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_ack(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    seq: i64,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (mirror: object, consumer: text) => mirror.0.ack(consumer, seq))
}

/// Puts a change aside that the consumer cannot handle, with what there is to say about it, and acknowledges it with those
/// before it. It is kept until it is dropped (hc_mirror_drop_parked).
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `seq`: the number of a change that hc_mirror_poll gave.
/// - `reason`: what went wrong, for who looks at it later. It is copied.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT, also for a snapshot's change, or HC_STORE.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_park(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    seq: i64,
    reason: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (mirror: object, consumer: text, reason: text) => mirror.0.park(consumer, seq, reason))
}

/// What a consumer has put aside, oldest first.
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `parked`: receives the list; free it with hc_parked_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_parked_changes(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    parked: *mut *mut hc_parked_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, parked, (mirror: object, consumer: text) => mirror.0.parked_changes(consumer).map(hc_parked_list::from))
}

/// Forgets a change that was put aside.
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `seq`: the number of the change.
/// - `dropped`: receives whether there was one.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_drop_parked(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    seq: i64,
    dropped: *mut bool,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, dropped, (mirror: object, consumer: text) => mirror.0.drop_parked(consumer, seq))
}

/// Has a consumer, new or old, start with what is there: its next changes are a "group.created" and a "user.created" for
/// each group and user, with negative numbers and the cause "snapshot", and then every change since this call.
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_start_from_snapshot(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (mirror: object, consumer: text) => mirror.0.start_from_snapshot(consumer))
}

/// Every consumer, and how far it is.
///
/// - `mirror`: required.
/// - `consumers`: receives the list; free it with hc_consumer_list_free.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_consumers(
    mirror: *const hc_mirror,
    consumers: *mut *mut hc_consumer_list,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, consumers, (mirror: object) => mirror.0.consumers().map(hc_consumer_list::from))
}

/// Forgets a consumer that is not coming back, with all it has put aside. What was kept for it can go.
///
/// - `mirror`: required.
/// - `consumer`: its name, 1 to 200 bytes.
/// - `dropped`: receives whether there was one.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_drop_consumer(
    mirror: *const hc_mirror,
    consumer: *const c_char,
    dropped: *mut bool,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, dropped, (mirror: object, consumer: text) => mirror.0.drop_consumer(consumer))
}

/// Removes changes that are older than the retention and that every consumer has acknowledged, and what else has had its
/// time. Syncs do it when they end.
///
/// - `mirror`: required.
/// - `error`: may be NULL.
/// - Fails with HC_STORE or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_mirror_trim(mirror: *const hc_mirror, error: *mut *mut hc_error) -> hc_status {
    call!(error, (mirror: object) => mirror.0.trim())
}

/// Changes, oldest first.
pub struct hc_change_batch(Vec<hc_change>);

impl<T: Into<hc_change>> From<Vec<T>> for hc_change_batch {
    fn from(items: Vec<T>) -> hc_change_batch {
        hc_change_batch(items.into_iter().map(Into::into).collect())
    }
}

/// How many changes there are.
///
/// - `batch`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_batch_len(batch: *const hc_change_batch) -> usize {
    read!(batch => batch.0.len())
}

/// The change at an index.
///
/// - `batch`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns a change, owned by `batch`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_batch_at(batch: *const hc_change_batch, index: usize) -> *const hc_change {
    read!(batch => at(&batch.0, index))
}

/// Frees the list and the changes in it.
///
/// - `batch`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_batch_free(batch: *mut hc_change_batch) {
    free!(batch);
}

/// Changes that were put aside, oldest first.
pub struct hc_parked_list(Vec<hc_parked_change>);

impl<T: Into<hc_parked_change>> From<Vec<T>> for hc_parked_list {
    fn from(items: Vec<T>) -> hc_parked_list {
        hc_parked_list(items.into_iter().map(Into::into).collect())
    }
}

/// How many changes there are.
///
/// - `parked`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_parked_list_len(parked: *const hc_parked_list) -> usize {
    read!(parked => parked.0.len())
}

/// The change at an index.
///
/// - `parked`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns a change with its reason, owned by `parked`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_parked_list_at(parked: *const hc_parked_list, index: usize) -> *const hc_parked_change {
    read!(parked => at(&parked.0, index))
}

/// Frees the list and the changes in it.
///
/// - `parked`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_parked_list_free(parked: *mut hc_parked_list) {
    free!(parked);
}

/// Consumers of the feed.
pub struct hc_consumer_list(Vec<hc_consumer>);

impl<T: Into<hc_consumer>> From<Vec<T>> for hc_consumer_list {
    fn from(items: Vec<T>) -> hc_consumer_list {
        hc_consumer_list(items.into_iter().map(Into::into).collect())
    }
}

/// How many consumers there are.
///
/// - `consumers`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_consumer_list_len(consumers: *const hc_consumer_list) -> usize {
    read!(consumers => consumers.0.len())
}

/// The consumer at an index.
///
/// - `consumers`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns a consumer, owned by `consumers`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_consumer_list_at(consumers: *const hc_consumer_list, index: usize) -> *const hc_consumer {
    read!(consumers => at(&consumers.0, index))
}

/// Frees the list and the consumers in it.
///
/// - `consumers`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_consumer_list_free(consumers: *mut hc_consumer_list) {
    free!(consumers);
}

/// Its number, to be given to hc_mirror_ack: greater than those of all changes before it. A snapshot's are negative.
///
/// - `change`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_seq(change: *const hc_change) -> i64 {
    read!(change => change.seq)
}

/// What kind of change: "user.created", "user.updated", "user.deactivated", "user.reactivated", "user.deleted",
/// "group.created", "group.updated", "group.deleted", "membership.added", "membership.removed", "roles.changed",
/// "directory.enabled" or "directory.disabled". New ones may come.
///
/// - `change`: may be NULL, which gives NULL.
/// - Returns text owned by `change`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_kind(change: *const hc_change) -> *const c_char {
    read!(change => change.texts.kind.of(change.kind.name()))
}

/// The organization it happened to.
///
/// - `change`: may be NULL, which gives NULL.
/// - Returns text owned by `change`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_organization_id(change: *const hc_change) -> *const c_char {
    read!(change => change.texts.organization_id.of(&change.organization_id))
}

/// The directory it happened in.
///
/// - `change`: may be NULL, which gives NULL.
/// - Returns text owned by `change`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_directory_id(change: *const hc_change) -> *const c_char {
    read!(change => change.texts.directory_id.of(&change.directory_id))
}

/// The user it is about, as they are after it, or as they were where they left.
///
/// - `change`: may be NULL, which gives NULL.
/// - Returns a user, owned by `change`, or NULL where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_user(change: *const hc_change) -> *const hc_mirror_user {
    read!(change => lent(change.user.as_ref()))
}

/// The group it is about.
///
/// - `change`: may be NULL, which gives NULL.
/// - Returns a group, owned by `change`, or NULL where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_group(change: *const hc_change) -> *const hc_mirror_group {
    read!(change => lent(change.group.as_ref()))
}

/// The user as they were, where there was one. Nothing for memberships.
///
/// - `change`: may be NULL, which gives NULL.
/// - Returns a user, owned by `change`, or NULL where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_before_user(change: *const hc_change) -> *const hc_mirror_user {
    read!(change => lent(change.before.user()))
}

/// The user as they are, where there is one. Nothing for memberships.
///
/// - `change`: may be NULL, which gives NULL.
/// - Returns a user, owned by `change`, or NULL where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_after_user(change: *const hc_change) -> *const hc_mirror_user {
    read!(change => lent(change.after.user()))
}

/// The group as it was, where there was one. Nothing for memberships.
///
/// - `change`: may be NULL, which gives NULL.
/// - Returns a group, owned by `change`, or NULL where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_before_group(change: *const hc_change) -> *const hc_mirror_group {
    read!(change => lent(change.before.group()))
}

/// The group as it is, where there is one. Nothing for memberships.
///
/// - `change`: may be NULL, which gives NULL.
/// - Returns a group, owned by `change`, or NULL where there is none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_after_group(change: *const hc_change) -> *const hc_mirror_group {
    read!(change => lent(change.after.group()))
}

/// How many fields changed.
///
/// - `change`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_fields_len(change: *const hc_change) -> usize {
    read!(change => change.fields.len())
}

/// The name of the changed field at an index, such as "email".
///
/// - `change`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns text owned by `change`, or NULL behind the last one.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_fields_at(change: *const hc_change, index: usize) -> *const c_char {
    read!(change => change.texts.fields.at(&change.fields, index))
}

/// What brought it about: "sync:" and the run's id, "event:" and the event's, "roles" for the role map, "snapshot".
///
/// - `change`: may be NULL, which gives NULL.
/// - Returns text owned by `change`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_cause(change: *const hc_change) -> *const c_char {
    read!(change => change.texts.cause.of(&change.cause))
}

/// When it was committed, by this machine's clock.
///
/// - `change`: may be NULL, which gives NULL.
/// - Returns RFC 3339 text owned by `change`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_at(change: *const hc_change) -> *const c_char {
    read!(change => change.texts.at.of_display(Some(change.at)))
}

/// The whole change: "seq", "kind", "organization_id", "directory_id", "user", "group", "before", "after", "fields", "cause"
/// and "at".
///
/// - `change`: may be NULL, which gives NULL.
/// - Returns JSON text owned by `change`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_change_json(change: *const hc_change) -> *const c_char {
    read!(change => change.texts.json.of_json(&change.described()))
}

/// The change that was put aside.
///
/// - `parked`: may be NULL, which gives NULL.
/// - Returns a change, owned by `parked`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_parked_change_change(parked: *const hc_parked_change) -> *const hc_change {
    read!(parked => ptr::from_ref(&parked.change))
}

/// What the application said about it.
///
/// - `parked`: may be NULL, which gives NULL.
/// - Returns text owned by `parked`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_parked_change_reason(parked: *const hc_parked_change) -> *const c_char {
    read!(parked => parked.texts.reason.of(&parked.reason))
}

/// When it was put aside.
///
/// - `parked`: may be NULL, which gives NULL.
/// - Returns RFC 3339 text owned by `parked`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_parked_change_at(parked: *const hc_parked_change) -> *const c_char {
    read!(parked => parked.texts.at.of_display(Some(parked.at)))
}

/// The consumer's name.
///
/// - `consumer`: may be NULL, which gives NULL.
/// - Returns text owned by `consumer`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_consumer_name(consumer: *const hc_consumer) -> *const c_char {
    read!(consumer => consumer.texts.name.of(&consumer.consumer.name))
}

/// The last change it has acknowledged; negative inside a snapshot.
///
/// - `consumer`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_consumer_cursor(consumer: *const hc_consumer) -> i64 {
    read!(consumer => consumer.consumer.cursor)
}

/// How many changes it is behind; those of a snapshot are not counted.
///
/// - `consumer`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_consumer_behind(consumer: *const hc_consumer) -> u64 {
    read!(consumer => consumer.consumer.lag)
}

/// How many changes it has put aside.
///
/// - `consumer`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_consumer_parked(consumer: *const hc_consumer) -> u64 {
    read!(consumer => consumer.consumer.parked)
}

/// When it last acknowledged something.
///
/// - `consumer`: may be NULL, which gives NULL.
/// - Returns RFC 3339 text owned by `consumer`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_consumer_seen_at(consumer: *const hc_consumer) -> *const c_char {
    read!(consumer => consumer.texts.seen_at.of_display(Some(consumer.consumer.seen_at)))
}

//! The mirror: calls promise JSON as the client's do, and run on the same thread. Its store has threads of its own.

use crate::calls::{Cancel, promise};
use crate::client::NativeClient;
use crate::errors::{parts, thrown};
use crate::json;
use crate::options::{milliseconds, read, seconds};
use crate::webhook::Flat;
use headcount::{
    CallOptions, Change, Consumer, DirectoryStatus, Error, Event, Held, Mirror, MirrorBuilder, MirrorDirectory,
    MirrorGroup, MirrorUser, MirrorUsers, Mirrored, ParkedChange, Progress, Result, SyncBuilder, SyncMode, SyncReport,
    Timestamp, Webhook, catch_panic,
};
use napi::bindgen_prelude::{ClassInstance, Function, PromiseRaw, block_on};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::tokio::sync::Mutex;
use napi::{Env, Status};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

/// An open mirror, until it is closed.
#[napi_derive::napi]
pub struct NativeMirror(RwLock<Option<Mirror>>);

type Promise<'env> = napi::Result<PromiseRaw<'env, String>>;
type Cancelled<'a> = Option<ClassInstance<'a, Cancel>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    guard_users: Option<u64>,
    guard_share: Option<f64>,
    guard_events: Option<bool>,
    full_every_seconds: Option<f64>,
    retention_seconds: Option<f64>,
}

impl Options {
    fn settings(self) -> Result<MirrorBuilder> {
        let mut settings = Mirror::builder();
        macro_rules! apply {
            ($($field:ident),*) => {
                $(if let Some(value) = self.$field {
                    settings = settings.$field(value);
                })*
            };
        }
        apply!(guard_users, guard_share, guard_events);
        if let Some(age) = self.full_every_seconds {
            settings = settings.full_every(seconds("fullEverySeconds", age)?);
        }
        if let Some(age) = self.retention_seconds {
            settings = settings.retention(seconds("retentionSeconds", age)?);
        }
        Ok(settings)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SyncOptions {
    mode: Option<String>,
    approve_removals: Option<bool>,
    wait: Option<bool>,
    concurrency: Option<usize>,
}

impl SyncOptions {
    fn apply(self, mut sync: SyncBuilder) -> Result<SyncBuilder> {
        if let Some(name) = self.mode {
            let mode = SyncMode::ALL.iter().find(|mode| mode.name() == name).ok_or_else(|| {
                let known: Vec<_> = SyncMode::ALL.iter().map(|mode| mode.name()).collect();
                Error::invalid_argument(format!(
                    "there is no such mode of a sync: expected one of {}",
                    known.join(", ")
                ))
            })?;
            sync = sync.mode(*mode);
        }
        if let Some(approved) = self.approve_removals {
            sync = sync.approve_removals(approved);
        }
        if let Some(wait) = self.wait {
            sync = sync.wait(wait);
        }
        if let Some(directories) = self.concurrency {
            sync = sync.concurrency(directories);
        }
        Ok(sync)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UserFilter {
    directory_id: Option<String>,
    group_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GroupFilter {
    directory_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Address {
    email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PollOptions {
    limit: Option<usize>,
}

/// How many changes a poll gives at most, unless set.
const LIMIT: usize = 100;

/// `index.d.ts` documents it as `SyncProgress`.
#[derive(Serialize)]
struct How<'a> {
    organization_id: &'a str,
    directory_id: &'a str,
    phase: &'a str,
    pages: u64,
    items: u64,
    total: Option<u64>,
    rate: f64,
}

/// `index.d.ts` documents it as `SyncReport`.
#[derive(Serialize)]
struct Report<'a> {
    organization_id: &'a str,
    directory_id: &'a str,
    mode: &'a str,
    outcome: &'a str,
    run: &'a str,
    started_at: Timestamp,
    ended_at: Timestamp,
    pages: u64,
    users: u64,
    groups: u64,
    created: u64,
    updated: u64,
    deactivated: u64,
    reactivated: u64,
    deleted: u64,
    changes: u64,
    events: u64,
    held: Option<&'a Held>,
    incomplete: Option<&'a str>,
    /// The JSON of its parts as a text: `mirror.js` makes its class of it.
    error: Option<String>,
}

impl<'a> From<&'a SyncReport> for Report<'a> {
    fn from(report: &'a SyncReport) -> Report<'a> {
        Report {
            organization_id: &report.organization_id,
            directory_id: &report.directory_id,
            mode: report.mode.name(),
            outcome: report.outcome.name(),
            run: &report.run,
            started_at: report.started_at,
            ended_at: report.ended_at,
            pages: report.pages,
            users: report.users,
            groups: report.groups,
            created: report.created,
            updated: report.updated,
            deactivated: report.deactivated,
            reactivated: report.reactivated,
            deleted: report.deleted,
            changes: report.changes,
            events: report.events,
            held: report.held.as_ref(),
            incomplete: report.incomplete.as_deref(),
            error: report.error.as_ref().map(parts),
        }
    }
}

/// A user or a group, as itself.
#[derive(Serialize)]
#[serde(untagged)]
enum Either<'a> {
    User(&'a MirrorUser),
    Group(&'a MirrorGroup),
}

impl<'a> From<&'a Mirrored> for Either<'a> {
    fn from(mirrored: &'a Mirrored) -> Either<'a> {
        match mirrored {
            Mirrored::User(user) => Either::User(user),
            Mirrored::Group(group) => Either::Group(group),
        }
    }
}

/// `index.d.ts` documents it as `Change`.
#[derive(Serialize)]
struct Told<'a> {
    seq: i64,
    kind: &'a str,
    organization_id: &'a str,
    directory_id: &'a str,
    user: Option<&'a MirrorUser>,
    group: Option<&'a MirrorGroup>,
    before: Option<Either<'a>>,
    after: Option<Either<'a>>,
    fields: Vec<String>,
    cause: &'a str,
    at: Timestamp,
}

impl<'a> From<&'a Change> for Told<'a> {
    fn from(change: &'a Change) -> Told<'a> {
        Told {
            seq: change.seq,
            kind: change.kind.name(),
            organization_id: &change.organization_id,
            directory_id: &change.directory_id,
            user: change.user.as_ref(),
            group: change.group.as_ref(),
            before: change.before.as_ref().map(Either::from),
            after: change.after.as_ref().map(Either::from),
            fields: change.fields.iter().map(|name| json::camel(name)).collect(),
            cause: &change.cause,
            at: change.at,
        }
    }
}

/// `index.d.ts` documents it as `ParkedChange`.
#[derive(Serialize)]
struct Parked<'a> {
    change: Told<'a>,
    reason: &'a str,
    at: Timestamp,
}

impl<'a> From<&'a ParkedChange> for Parked<'a> {
    fn from(parked: &'a ParkedChange) -> Parked<'a> {
        Parked { change: Told::from(&parked.change), reason: &parked.reason, at: parked.at }
    }
}

/// `index.d.ts` documents it as `FeedConsumer`.
#[derive(Serialize)]
struct Reader<'a> {
    name: &'a str,
    cursor: i64,
    behind: u64,
    parked: u64,
    seen_at: Timestamp,
}

impl<'a> From<&'a Consumer> for Reader<'a> {
    fn from(consumer: &'a Consumer) -> Reader<'a> {
        Reader {
            name: &consumer.name,
            cursor: consumer.cursor,
            behind: consumer.lag,
            parked: consumer.parked,
            seen_at: consumer.seen_at,
        }
    }
}

/// `index.d.ts` documents it as `DirectoryStatus`.
#[derive(Serialize)]
struct Standing<'a> {
    directory: &'a MirrorDirectory,
    last_full_sync: Option<Timestamp>,
    last_incremental_sync: Option<Timestamp>,
    users: u64,
    groups: u64,
    watermark: Option<Timestamp>,
    held: Option<&'a Held>,
    parked_events: u64,
}

impl<'a> From<&'a DirectoryStatus> for Standing<'a> {
    fn from(status: &'a DirectoryStatus) -> Standing<'a> {
        Standing {
            directory: &status.directory,
            last_full_sync: status.last_full_sync,
            last_incremental_sync: status.last_incremental_sync,
            users: status.users,
            groups: status.groups,
            watermark: status.watermark,
            held: status.held.as_ref(),
            parked_events: status.pending_events,
        }
    }
}

/// A list of what crosses in a form of its own.
fn list<'a, T, S: From<&'a T> + Serialize>(items: &'a [T]) -> Result<String> {
    json::text(&items.iter().map(S::from).collect::<Vec<_>>())
}

/// Tells a function of the application's how far a sync is. Weak: the promise of the sync is what keeps a process alive.
fn teller(function: &Function<'_, String, ()>) -> napi::Result<impl Fn(&Progress) + Send + Sync + 'static> {
    let told: ThreadsafeFunction<String, (), String, Status, false, true> =
        function.build_threadsafe_function().weak::<true>().callee_handled::<false>().build()?;
    Ok(move |progress: &Progress| {
        let how = How {
            organization_id: &progress.organization_id,
            directory_id: &progress.directory_id,
            phase: progress.phase.name(),
            pages: progress.pages,
            items: progress.items,
            total: progress.total,
            rate: progress.rate,
        };
        if let Ok(how) = json::text(&how) {
            // A loop that is ending hears no more.
            let _ = told.call(how, ThreadsafeFunctionCallMode::NonBlocking);
        }
    })
}

impl NativeMirror {
    fn mirror(&self) -> Result<Mirror> {
        let mirror = self.0.read().unwrap_or_else(PoisonError::into_inner);
        mirror.clone().ok_or_else(|| Error::invalid_argument("the mirror is closed: open another one"))
    }

    /// Promises what `call` makes of the mirror.
    fn call<'env, F>(
        &self,
        env: &'env Env,
        cancel: Cancelled<'_>,
        call: impl FnOnce(Mirror) -> F + Send + 'static,
    ) -> Promise<'env>
    where
        F: Future<Output = Result<String>> + Send,
    {
        let mirror = self.mirror();
        promise(env, cancel, async move { call(mirror?).await })
    }
}

#[napi_derive::napi]
impl NativeMirror {
    /// Opens it.
    #[napi(constructor)]
    pub fn new(
        path: String,
        client: Option<ClassInstance<'_, NativeClient>>,
        secrets: Option<Vec<String>>,
        options: String,
    ) -> napi::Result<NativeMirror> {
        catch_panic(|| {
            let mut settings = read::<Options>(&options)?.settings()?;
            if let Some(client) = client {
                settings = settings.client(client.client(Ok(CallOptions::new()))?);
            }
            if let Some(secrets) = secrets {
                let secrets = secrets.iter().fold(Webhook::builder(), |given, text| given.secret(text.as_str()));
                settings = settings.webhook(secrets.build()?);
            }
            block_on(settings.open(path))
        })
        .map(|mirror| NativeMirror(RwLock::new(Some(mirror))))
        .map_err(thrown)
    }

    /// Lets go of it: the store ends with the last call that is under way. Later calls fail.
    #[napi]
    pub fn close(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Syncs a directory, an organization, or without one all of them. The reports.
    #[napi]
    pub fn sync<'env>(
        &self,
        env: &'env Env,
        organization_id: Option<String>,
        directory_id: Option<String>,
        options: String,
        progress: Option<Function<'_, String, ()>>,
        cancel: Cancelled<'_>,
    ) -> Promise<'env> {
        let told = progress.as_ref().map(teller).transpose()?;
        self.call(env, cancel, move |mirror| async move {
            let sync = match organization_id {
                Some(id) => mirror.sync(&id).directory(directory_id.as_deref()),
                None => mirror.sync_all(),
            };
            let mut sync = read::<SyncOptions>(&options)?.apply(sync)?;
            if let Some(told) = told {
                sync = sync.on_progress(told);
            }
            list::<_, Report<'_>>(&sync.await?)
        })
    }

    /// Takes a webhook; what became of it.
    #[napi]
    pub fn receive<'env>(&self, env: &'env Env, headers: Vec<String>, body: &[u8]) -> Promise<'env> {
        let (headers, body) = (Flat(headers), body.to_vec());
        self.call(
            env,
            None,
            move |mirror| async move { json::text(&mirror.receive(&headers.bytes(), &body).await?.name()) },
        )
    }

    /// Takes an event that was verified before, printed again; what became of it.
    #[napi]
    pub fn apply<'env>(&self, env: &'env Env, event: String, message_id: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            let event = Event::from_verified_message(event.as_bytes(), &message_id)?;
            json::text(&mirror.apply(&event).await?.name())
        })
    }

    /// Users, page after page.
    #[napi]
    pub fn user_pages(&self, organization_id: String, filter: String) -> napi::Result<NativeMirrorUsers> {
        let users = self.mirror().and_then(|mirror| {
            let UserFilter { directory_id, group_id } = read(&filter)?;
            Ok(mirror.users(&organization_id).directory(directory_id.as_deref()).group(group_id.as_deref()))
        });
        users.map(|users| NativeMirrorUsers(Arc::new(Mutex::new(Some(users))))).map_err(thrown)
    }

    /// The groups of an organization.
    #[napi]
    pub fn groups<'env>(&self, env: &'env Env, organization_id: String, filter: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            let GroupFilter { directory_id } = read(&filter)?;
            json::text(&mirror.groups(&organization_id, directory_id.as_deref()).await?)
        })
    }

    /// The directories of an organization, or all.
    #[napi]
    pub fn directories<'env>(&self, env: &'env Env, organization_id: Option<String>) -> Promise<'env> {
        self.call(
            env,
            None,
            move |mirror| async move { json::text(&mirror.directories(organization_id.as_deref()).await?) },
        )
    }

    /// One user, or null.
    #[napi]
    pub fn user<'env>(&self, env: &'env Env, id: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.user(&id).await?) })
    }

    /// One group, or null.
    #[napi]
    pub fn group<'env>(&self, env: &'env Env, id: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.group(&id).await?) })
    }

    /// The users with an address.
    #[napi]
    pub fn find_users<'env>(&self, env: &'env Env, by: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            json::text(&mirror.find_users(&read::<Address>(&by)?.email).await?)
        })
    }

    /// How it stands with each directory.
    #[napi]
    pub fn status<'env>(&self, env: &'env Env) -> Promise<'env> {
        self.call(env, None, |mirror| async move { list::<_, Standing<'_>>(&mirror.status().await?) })
    }

    /// The users whose removal is held back.
    #[napi]
    pub fn held_removals<'env>(&self, env: &'env Env, directory_id: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.held_removals(&directory_id).await?) })
    }

    /// Remembers an account beside a user, or forgets it.
    #[napi]
    pub fn link<'env>(&self, env: &'env Env, user_id: String, account_id: Option<String>) -> Promise<'env> {
        self.call(
            env,
            None,
            move |mirror| async move { json::text(&mirror.link(&user_id, account_id.as_deref()).await?) },
        )
    }

    /// Which groups give which roles, from now on: groups and roles in turn.
    #[napi]
    pub fn set_role_map<'env>(&self, env: &'env Env, pairs: Vec<String>) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            let pairs = pairs.chunks_exact(2).map(|pair| (pair[0].as_str(), pair[1].as_str()));
            json::text(&mirror.set_role_map(pairs).await?)
        })
    }

    /// Which groups give which roles.
    #[napi]
    pub fn role_map<'env>(&self, env: &'env Env) -> Promise<'env> {
        self.call(env, None, |mirror| async move { json::text(&mirror.role_map().await?) })
    }

    /// The changes behind a consumer's cursor.
    #[napi]
    pub fn poll<'env>(&self, env: &'env Env, consumer: String, options: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move {
            let limit = read::<PollOptions>(&options)?.limit.unwrap_or(LIMIT);
            list::<_, Told<'_>>(&mirror.poll(&consumer, limit).await?)
        })
    }

    /// The same, once there are some: those that lie behind `after` as well, where that is given.
    #[napi]
    pub fn wait<'env>(
        &self,
        env: &'env Env,
        consumer: String,
        after: Option<f64>,
        options: String,
        timeout_ms: Option<f64>,
        cancel: Cancelled<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, move |mirror| async move {
            let limit = read::<PollOptions>(&options)?.limit.unwrap_or(LIMIT);
            let timeout = timeout_ms.map(|timeout| milliseconds("timeoutMs", timeout)).transpose()?;
            let after = after.map(number).transpose()?;
            list::<_, Told<'_>>(&mirror.wait_after(&consumer, after, limit, timeout).await?)
        })
    }

    /// Acknowledges every change up to this one.
    #[napi]
    pub fn ack<'env>(&self, env: &'env Env, consumer: String, seq: f64) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.ack(&consumer, number(seq)?).await?) })
    }

    /// Puts a change aside.
    #[napi]
    pub fn park<'env>(&self, env: &'env Env, consumer: String, seq: f64, reason: String) -> Promise<'env> {
        self.call(
            env,
            None,
            move |mirror| async move { json::text(&mirror.park(&consumer, number(seq)?, &reason).await?) },
        )
    }

    /// What was put aside.
    #[napi]
    pub fn parked_changes<'env>(&self, env: &'env Env, consumer: String) -> Promise<'env> {
        self.call(
            env,
            None,
            move |mirror| async move { list::<_, Parked<'_>>(&mirror.parked_changes(&consumer).await?) },
        )
    }

    /// Forgets what was put aside; whether there was something.
    #[napi]
    pub fn drop_parked<'env>(&self, env: &'env Env, consumer: String, seq: f64) -> Promise<'env> {
        self.call(
            env,
            None,
            move |mirror| async move { json::text(&mirror.drop_parked(&consumer, number(seq)?).await?) },
        )
    }

    /// Has a consumer start with what is there.
    #[napi]
    pub fn start_from_snapshot<'env>(&self, env: &'env Env, consumer: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.start_from_snapshot(&consumer).await?) })
    }

    /// Every consumer.
    #[napi]
    pub fn consumers<'env>(&self, env: &'env Env) -> Promise<'env> {
        self.call(env, None, |mirror| async move { list::<_, Reader<'_>>(&mirror.consumers().await?) })
    }

    /// Forgets a consumer; whether there was one.
    #[napi]
    pub fn drop_consumer<'env>(&self, env: &'env Env, consumer: String) -> Promise<'env> {
        self.call(env, None, move |mirror| async move { json::text(&mirror.drop_consumer(&consumer).await?) })
    }

    /// Removes what has had its time.
    #[napi]
    pub fn trim<'env>(&self, env: &'env Env) -> Promise<'env> {
        self.call(env, None, |mirror| async move { json::text(&mirror.trim().await?) })
    }
}

/// Users of the mirror, page after page.
#[napi_derive::napi]
pub struct NativeMirrorUsers(Arc<Mutex<Option<MirrorUsers>>>);

#[napi_derive::napi]
impl NativeMirrorUsers {
    /// The next page's users, or null behind the last one.
    #[napi]
    pub fn next<'env>(&self, env: &'env Env, cancel: Cancelled<'_>) -> napi::Result<PromiseRaw<'env, Option<String>>> {
        let users = self.0.clone();
        promise(env, cancel, async move {
            let mut users = users.lock().await;
            let page = match users.as_mut() {
                Some(users) => users.next_page().await?,
                None => Vec::new(),
            };
            if page.is_empty() {
                // The store is not held any longer than it is read.
                *users = None;
                return Ok(None);
            }
            json::text(&page).map(Some)
        })
    }
}

/// A change's number, as JavaScript has it.
fn number(seq: f64) -> Result<i64> {
    const EXACT: f64 = (1_i64 << 53) as f64;
    if seq.fract() != 0.0 || seq.abs() > EXACT {
        return Err(Error::invalid_argument("the number of the change is none: expected the seq of a change"));
    }
    #[allow(clippy::cast_possible_truncation, reason = "a whole number that a double holds exactly")]
    let seq = seq as i64;
    Ok(seq)
}

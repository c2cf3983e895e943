//! Settings of the mirror. The store keeps them, so that all processes that use it have the same.

use super::UserFields;
use crate::defaults;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Number;
use std::fmt::Debug;
use std::time::Duration;

/// The shortest time after which a consumer expires: polls that return no new change are recorded once an hour.
const SHORTEST_EXPIRY: Duration = Duration::from_secs(2 * 60 * 60);

/// The longest time between the deactivation of a leaver and the deletion: ten years.
const LONGEST_GRACE: Duration = Duration::from_secs(3_653 * 86_400);

/// How many users of a directory may lose access without approval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GuardSettings {
    /// Maximum number of users of a directory that may lose access within the window without approval. The limit is lower for a small directory: half
    /// of its users if it has at most ten, otherwise a quarter of them, but at least five.
    pub users: u64,
    /// Maximum share of the directory's users that may lose access within the window, from 0 to 1. The larger of this limit and that of `users`
    /// applies. 1 permits every loss, except removals because of a listing without users.
    pub share: f64,
    /// Whether losses of access by events are limited as well. Those by listings always are.
    pub events: bool,
    /// The time within which losses of access are counted together.
    #[serde(serialize_with = "seconds", deserialize_with = "duration")]
    pub window: Duration,
}

impl Default for GuardSettings {
    /// 20 users or 10 % of the directory within 24 hours; losses by events are limited as well.
    fn default() -> GuardSettings {
        GuardSettings { users: 20, share: 0.1, events: true, window: defaults::GUARD_WINDOW }
    }
}

/// The settings of a mirror that are in effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MirrorSettings {
    /// How many users of a directory may lose access without approval.
    pub guard: GuardSettings,
    /// Age of the last full sync at which a sync in the mode `auto` is a full one again.
    #[serde(serialize_with = "seconds", deserialize_with = "duration")]
    pub full_every: Duration,
    /// How long changes are kept that every consumer has acknowledged.
    #[serde(serialize_with = "seconds", deserialize_with = "duration")]
    pub retention: Duration,
    /// How long the history is kept, which [`Mirror::history`](crate::Mirror::history) and [`Mirror::at`](crate::Mirror::at) read. 0 if the mirror keeps
    /// none.
    #[serde(default = "default_history", serialize_with = "seconds", deserialize_with = "duration")]
    pub history: Duration,
    /// How long after they left users are deleted who have not returned: they are deactivated at once. `None` if they are deleted at once.
    #[serde(default, serialize_with = "some_seconds", deserialize_with = "from_seconds")]
    pub deletion_grace: Option<Duration>,
    /// Maximum number of pending events of an organization. While it has as many, receiving an event that would be pending as well is an error.
    pub pending_events: u64,
    /// Maximum total size of an organization's pending events, in bytes. Receiving an event that would be pending and exceed it is an error.
    pub pending_bytes: u64,
    /// Maximum number of groups that an event may name for a user. An event with more groups changes nothing: the next sync lists the user.
    pub groups_per_user: u64,
    /// After how long without a poll or an acknowledgement a consumer expires, so that changes that it has not acknowledged are trimmed; `None` for
    /// never. At least two hours, because a poll that returns no new change is recorded once an hour.
    #[serde(default, serialize_with = "some_seconds", deserialize_with = "from_seconds")]
    pub consumer_expiry: Option<Duration>,
    /// Names of the personal fields of users that are stored, such as `email`, in the order of the user's record. All of them by default.
    #[serde(default = "all_fields")]
    pub fields: Vec<String>,
    /// Settings that this handle was opened with and that are not in effect, because the store has other values.
    pub ignored: Vec<IgnoredSetting>,
}

/// A setting that a handle was opened with and that is not in effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IgnoredSetting {
    /// The setting's name, such as `guard_users`.
    pub name: String,
    /// The value in effect, which the store has, as text: a duration such as `86400s`, a number, `true` or `false`, or a list of names.
    pub stored: String,
    /// The value that the handle was opened with, as text of the same form.
    pub asked: String,
}

/// Settings of a mirror, each `None` if it is not set. Stores keep them in this form; the defaults apply to those that are `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MirrorOptions {
    /// [`GuardSettings::users`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard_users: Option<u64>,
    /// [`GuardSettings::share`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard_share: Option<f64>,
    /// [`GuardSettings::events`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard_events: Option<bool>,
    /// [`GuardSettings::window`].
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "some_seconds",
        deserialize_with = "from_seconds"
    )]
    pub guard_window: Option<Duration>,
    /// [`MirrorSettings::full_every`].
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "some_seconds",
        deserialize_with = "from_seconds"
    )]
    pub full_every: Option<Duration>,
    /// [`MirrorSettings::retention`].
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "some_seconds",
        deserialize_with = "from_seconds"
    )]
    pub retention: Option<Duration>,
    /// [`MirrorSettings::history`]; 0 for none.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "some_seconds",
        deserialize_with = "from_seconds"
    )]
    pub history: Option<Duration>,
    /// [`MirrorSettings::deletion_grace`], at most ten years; 0 for none.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "some_seconds",
        deserialize_with = "from_seconds"
    )]
    pub deletion_grace: Option<Duration>,
    /// [`MirrorSettings::pending_events`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_events: Option<u64>,
    /// [`MirrorSettings::pending_bytes`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_bytes: Option<u64>,
    /// [`MirrorSettings::groups_per_user`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups_per_user: Option<u64>,
    /// [`MirrorSettings::consumer_expiry`]; 0 for never.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "some_seconds",
        deserialize_with = "from_seconds"
    )]
    pub consumer_expiry: Option<Duration>,
    /// [`MirrorSettings::fields`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<UserFields>,
}

/// Calls a macro with the names of all settings. [`MirrorOptions::or`] does not compile if one is missing.
macro_rules! each_setting {
    ($call:ident) => {
        $call!(
            guard_users,
            guard_share,
            guard_events,
            guard_window,
            full_every,
            retention,
            history,
            deletion_grace,
            pending_events,
            pending_bytes,
            groups_per_user,
            consumer_expiry,
            fields
        )
    };
}

impl MirrorOptions {
    /// Returns these settings; those that are not set here have the values of `others`.
    #[must_use]
    pub fn or(&self, others: &MirrorOptions) -> MirrorOptions {
        macro_rules! first_set {
            ($($name:ident),*) => { MirrorOptions { $($name: self.$name.or(others.$name)),* } };
        }
        each_setting!(first_set)
    }

    /// Returns the settings that apply: these, with the defaults for those that are not set.
    pub fn in_force(&self) -> MirrorSettings {
        let guard = GuardSettings::default();
        MirrorSettings {
            guard: GuardSettings {
                users: self.guard_users.unwrap_or(guard.users),
                share: self.guard_share.unwrap_or(guard.share),
                events: self.guard_events.unwrap_or(guard.events),
                window: self.guard_window.unwrap_or(guard.window),
            },
            full_every: self.full_every.unwrap_or(defaults::FULL_EVERY),
            retention: self.retention.unwrap_or(defaults::RETENTION),
            history: self.history.unwrap_or(defaults::HISTORY),
            deletion_grace: self.deletion_grace.filter(|grace| !grace.is_zero()),
            pending_events: self.pending_events.unwrap_or(defaults::PENDING_EVENTS),
            pending_bytes: self.pending_bytes.unwrap_or(defaults::PENDING_BYTES),
            groups_per_user: self.groups_per_user.unwrap_or(defaults::GROUPS_PER_USER),
            consumer_expiry: match self.consumer_expiry {
                None => Some(defaults::CONSUMER_EXPIRY),
                Some(Duration::ZERO) => None,
                Some(expiry) => Some(expiry.max(SHORTEST_EXPIRY)),
            },
            fields: names(self.user_fields()),
            ignored: Vec::new(),
        }
    }

    /// Returns the personal fields of users that are stored.
    pub fn user_fields(&self) -> UserFields {
        self.fields.unwrap_or_default()
    }

    /// Returns the settings of `asked` that are set here to another value.
    pub fn ignored(&self, asked: &MirrorOptions) -> Vec<IgnoredSetting> {
        macro_rules! that_differ {
            ($($name:ident),*) => { [$(differing(stringify!($name), self.$name, asked.$name)),*] };
        }
        each_setting!(that_differ).into_iter().flatten().collect()
    }

    /// Returns what is wrong with the values for opening a mirror, or `None` if they can be used. A grace of 0, which ends a grace that is stored, has no
    /// meaning there.
    pub fn refusal_to_open(&self) -> Option<String> {
        if self.deletion_grace == Some(Duration::ZERO) {
            return Some(
                "expected deletion_grace to be longer than 0: leave it out to delete users at once".to_owned(),
            );
        }
        self.refusal()
    }

    /// Returns what is wrong with the values, or `None` if they can be used.
    pub fn refusal(&self) -> Option<String> {
        if let Some(share) = self.guard_share.filter(|share| !(0.0..=1.0).contains(share)) {
            return Some(format!("expected guard_share to be from 0 to 1, got {share}"));
        }
        if self.guard_window == Some(Duration::ZERO) {
            return Some("expected guard_window to be longer than 0".to_owned());
        }
        if let Some(grace) = self.deletion_grace.filter(|grace| *grace > LONGEST_GRACE) {
            return Some(format!(
                "expected deletion_grace to be at most {} seconds (10 years), got {} seconds",
                LONGEST_GRACE.as_secs(),
                grace.as_secs()
            ));
        }
        None
    }
}

/// Returns the setting of this name if both values are set and differ.
fn differing<T: Debug>(name: &str, stored: Option<T>, asked: Option<T>) -> Option<IgnoredSetting> {
    let (stored, asked) = (format!("{:?}", stored?), format!("{:?}", asked?));
    (stored != asked).then(|| IgnoredSetting { name: name.to_owned(), stored, asked })
}

fn names(fields: UserFields) -> Vec<String> {
    fields.names().map(str::to_owned).collect()
}

/// The value in settings that were written before fields could be left out.
fn all_fields() -> Vec<String> {
    names(UserFields::ALL)
}

/// The value in settings that were written before there was a history.
fn default_history() -> Duration {
    defaults::HISTORY
}

/// Serializes a duration as seconds: a whole number if it has no fraction.
fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    if duration.subsec_nanos() == 0 {
        serializer.serialize_u64(duration.as_secs())
    } else {
        serializer.serialize_f64(duration.as_secs_f64())
    }
}

fn some_seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => seconds(duration, serializer),
        None => serializer.serialize_none(),
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    from_seconds(deserializer)?.ok_or_else(|| serde::de::Error::custom("expected a number of seconds"))
}

fn from_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(deserializer)? else { return Ok(None) };
    let duration = match (number.as_u64(), number.as_f64()) {
        (Some(whole), _) => Some(Duration::from_secs(whole)),
        (None, Some(fraction)) => Duration::try_from_secs_f64(fraction).ok(),
        (None, None) => None,
    };
    duration.map(Some).ok_or_else(|| serde::de::Error::custom("expected a number of seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> MirrorOptions {
        MirrorOptions {
            guard_users: Some(5),
            guard_share: Some(0.25),
            guard_window: Some(Duration::from_millis(1_500)),
            retention: Some(Duration::from_secs(86_400)),
            ..MirrorOptions::default()
        }
    }

    #[test]
    fn durations_are_stored_in_seconds_and_unset_options_are_left_out() {
        let text = serde_json::to_string(&options()).unwrap();
        assert_eq!(text, r#"{"guard_users":5,"guard_share":0.25,"guard_window":1.5,"retention":86400}"#);
        assert_eq!(serde_json::from_str::<MirrorOptions>(&text).unwrap(), options());
    }

    #[test]
    fn the_longest_duration_can_be_stored() {
        let never = MirrorOptions { retention: Some(Duration::from_secs(u64::MAX)), ..MirrorOptions::default() };
        let text = serde_json::to_string(&never).unwrap();
        assert_eq!(serde_json::from_str::<MirrorOptions>(&text).unwrap(), never);
    }

    #[test]
    fn settings_are_read_as_they_were_written() {
        for options in [options(), MirrorOptions { consumer_expiry: Some(Duration::ZERO), ..MirrorOptions::default() }]
        {
            let settings = options.in_force();
            let text = serde_json::to_string(&settings).unwrap();
            assert_eq!(serde_json::from_str::<MirrorSettings>(&text).unwrap(), settings);
        }
    }

    #[test]
    fn defaults_apply_to_settings_that_are_not_set() {
        let settings = options().in_force();
        assert_eq!(settings.guard.users, 5);
        assert!(settings.guard.events);
        assert_eq!(settings.full_every, defaults::FULL_EVERY);
        assert_eq!(MirrorOptions::default().in_force().guard, GuardSettings::default());
    }

    #[test]
    fn only_settings_that_differ_from_stored_ones_are_ignored() {
        let asked = MirrorOptions {
            guard_users: Some(6),
            guard_share: Some(0.25),
            guard_events: Some(false),
            retention: Some(Duration::from_secs(60)),
            ..MirrorOptions::default()
        };
        let ignored = options().ignored(&asked);
        assert_eq!(ignored.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["guard_users", "retention"]);
        assert_eq!(ignored[1].stored, "86400s");
        assert_eq!(ignored[1].asked, "60s");
    }

    #[test]
    fn a_share_that_is_not_from_0_to_1_is_refused() {
        for share in [-0.1, 1.1, f64::NAN] {
            let options = MirrorOptions { guard_share: Some(share), ..MirrorOptions::default() };
            assert!(options.refusal().is_some(), "{share}");
        }
        assert_eq!(options().refusal(), None);
    }

    #[test]
    fn a_grace_of_more_than_ten_years_is_refused_and_one_of_zero_is_none() {
        let options = |grace| MirrorOptions { deletion_grace: Some(grace), ..MirrorOptions::default() };
        let refusal = options(LONGEST_GRACE + Duration::from_secs(1)).refusal().unwrap();
        assert!(refusal.contains("10 years"), "{refusal}");
        assert_eq!(options(LONGEST_GRACE).refusal(), None);
        assert_eq!(options(LONGEST_GRACE).in_force().deletion_grace, Some(LONGEST_GRACE));
        assert_eq!(options(Duration::ZERO).in_force().deletion_grace, None);
        assert_eq!(MirrorOptions::default().in_force().deletion_grace, None);
    }

    #[test]
    fn a_window_of_zero_is_refused() {
        let options = MirrorOptions { guard_window: Some(Duration::ZERO), ..MirrorOptions::default() };
        assert!(options.refusal().is_some());
    }
}

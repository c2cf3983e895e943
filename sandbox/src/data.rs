//! Generates the initial data of an environment. The same seed and sizes give the same data.

use crate::names::{COMPANIES, GROUPS, PEOPLE, PROVIDERS, TITLES};
use crate::rng::Rng;
use crate::state::{Directory, Group, Organization, State, User};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use headcount::Timestamp;
use headcount::system::{OsRandom, Random};
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// How many organizations, directories, users and groups to generate.
#[derive(Clone, Debug)]
pub(crate) struct Sizes {
    pub(crate) organizations: usize,
    /// Per organization.
    pub(crate) directories: usize,
    /// Per directory.
    pub(crate) users: usize,
    /// Per directory.
    pub(crate) groups: usize,
}

/// What a client needs to call the environment and to verify its webhooks. Customers of the vendor find it in the dashboard.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) webhook_secret: String,
}

/// Returns the time of the oldest generated change: 6 January 2025, 08:00 UTC.
fn epoch() -> Timestamp {
    Timestamp::from_second(1_736_150_400).unwrap_or_default()
}

/// Makes random credentials: a web page or another program must not be able to compute them from the seed.
pub(crate) fn credentials() -> Credentials {
    let random = || OsRandom.bits();
    Credentials {
        client_id: format!("skc_{}", 10_000_000_000_000_000 + random() % 90_000_000_000_000_000),
        client_secret: format!("test_{:016x}{:016x}", random(), random()),
        webhook_secret: new_webhook_secret(random),
    }
}

/// Makes a webhook secret of 32 random bytes, in the form of the vendor's dashboard.
pub fn new_webhook_secret(random: impl FnMut() -> u64) -> String {
    let secret: Vec<u8> = std::iter::repeat_with(random).take(4).flat_map(u64::to_be_bytes).collect();
    format!("whsec_{}", STANDARD.encode(secret))
}

/// Generates the organizations with their directories, users and groups.
pub(crate) fn generate(seed: u64, sizes: &Sizes) -> State {
    let mut rng = Rng::new(seed);
    let mut state = State::new(10_000_000_000_000_000 + rng.next() % 80_000_000_000_000_000);
    for index in 0..sizes.organizations {
        let company = COMPANIES[index % COMPANIES.len()];
        let name = if index < COMPANIES.len() {
            company.to_owned()
        } else {
            format!("{company} {}", index / COMPANIES.len() + 1)
        };
        let id = state.next_id("org");
        let domain = format!("company{}.example", index + 1);
        state.add_organization(Organization {
            id: id.clone(),
            display_name: name,
            external_id: format!("tenant_{}", index + 1),
            slug: format!("company{}", index + 1),
            logo_url: String::new(),
            metadata: BTreeMap::new(),
            features: BTreeMap::new(),
            create_time: epoch(),
            update_time: epoch(),
            directories: Vec::new(),
        });
        for _ in 0..sizes.directories {
            add_directory(&mut state, &mut rng, &id, &domain, sizes);
        }
    }
    state
}

/// Generates a directory of an organization. The email addresses of its users end in `@domain`.
fn add_directory(state: &mut State, rng: &mut Rng, organization_id: &str, domain: &str, sizes: &Sizes) {
    let provider = rng.choose(PROVIDERS).unwrap_or("OKTA");
    let id = state.next_id("dir");
    let mut directory = Directory::new(id, organization_id.to_owned(), provider, epoch());
    for index in 0..sizes.groups {
        let name = GROUPS[index % GROUPS.len()];
        let name = if index < GROUPS.len() { name.to_owned() } else { format!("{name} {}", index / GROUPS.len() + 1) };
        directory.add_group(Group {
            id: state.next_id("dirgroup"),
            display_name: name,
            external_id: format!("{:08x}", rng.next() as u32),
            updated_at: updated_at(index),
        });
    }
    for index in 0..sizes.users {
        let (given, _, given_ascii, _) = rng.choose(PEOPLE).unwrap_or(PEOPLE[0]);
        let (_, family, _, family_ascii) = rng.choose(PEOPLE).unwrap_or(PEOPLE[0]);
        // There can be more users than names; the number makes every address unique.
        let login = format!("{given_ascii}.{family_ascii}{}", index + 1);
        let mut groups = Vec::new();
        for _ in 0..rng.below(3) {
            groups.extend(directory.groups.keys().nth(rng.below(sizes.groups)).copied());
        }
        groups.sort_unstable();
        groups.dedup();
        let user = User {
            id: state.next_id("diruser"),
            email: format!("{login}@{domain}"),
            given_name: given.to_owned(),
            family_name: family.to_owned(),
            preferred_username: login,
            title: rng.choose(TITLES).unwrap_or("Engineer").to_owned(),
            dp_id: format!("{:016x}", rng.next()),
            active: true,
            groups,
            updated_at: updated_at(index),
        };
        directory.add_user(user);
    }
    state.add_directory(directory);
}

/// Returns when the user or group with this index last changed. The times are seven minutes and one microsecond apart, so that tests of
/// `updated_after` can select a part of them; those after 30,000,000 seconds start again at [`epoch`].
fn updated_at(index: usize) -> Timestamp {
    let index = i64::try_from(index).unwrap_or(i64::MAX);
    let after = SignedDuration::from_secs(index.saturating_mul(420) % 30_000_000)
        + SignedDuration::from_micros(index % 1_000_000);
    epoch().checked_add(after).unwrap_or_default()
}

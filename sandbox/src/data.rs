//! What an environment holds when it starts: made from a seed, the same every time.

use crate::names::{COMPANIES, GROUPS, PEOPLE, PROVIDERS, Seed, TITLES};
use crate::state::{Directory, Group, Organization, State, User};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use headcount::Timestamp;
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// How much of everything.
#[derive(Clone, Debug)]
pub(crate) struct Sizes {
    pub(crate) organizations: usize,
    /// In each organization.
    pub(crate) directories: usize,
    /// In each directory.
    pub(crate) users: usize,
    /// In each directory.
    pub(crate) groups: usize,
}

/// What the environment's owner copies from the dashboard.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) webhook_secret: String,
}

/// The first thing that ever changed here: 6 January 2025, 08:00 UTC.
fn epoch() -> Timestamp {
    Timestamp::from_second(1_736_150_400).unwrap_or_default()
}

pub(crate) fn credentials(seed: u64) -> Credentials {
    let mut seed = Seed::new(seed ^ 0x5eed);
    Credentials {
        client_id: format!("skc_{}", 10_000_000_000_000_000 + seed.next() % 90_000_000_000_000_000),
        client_secret: format!("test_{:016x}{:016x}", seed.next(), seed.next()),
        webhook_secret: format!("whsec_{}", STANDARD.encode(seed.bytes::<32>())),
    }
}

pub(crate) fn generate(number: u64, sizes: &Sizes) -> State {
    let mut seed = Seed::new(number);
    let mut state = State::new(10_000_000_000_000_000 + seed.next() % 80_000_000_000_000_000);
    for index in 0..sizes.organizations {
        let company = COMPANIES[index % COMPANIES.len()];
        let name = if index < COMPANIES.len() {
            company.to_owned()
        } else {
            format!("{company} {}", index / COMPANIES.len() + 1)
        };
        let id = state.fresh_id("org");
        let domain = format!("company{}.example", index + 1);
        state.add_organization(Organization {
            id: id.clone(),
            display_name: name,
            external_id: format!("tenant_{}", index + 1),
            slug: format!("company{}", index + 1),
            logo_url: String::new(),
            metadata: BTreeMap::new(),
            create_time: epoch(),
            update_time: epoch(),
            directories: Vec::new(),
        });
        for _ in 0..sizes.directories {
            directory(&mut state, &mut seed, &id, &domain, sizes);
        }
    }
    state
}

fn directory(state: &mut State, seed: &mut Seed, organization_id: &str, domain: &str, sizes: &Sizes) {
    let provider = seed.choose(PROVIDERS).unwrap_or("OKTA");
    let id = state.fresh_id("dir");
    let mut directory = Directory::new(id, organization_id.to_owned(), provider, epoch());
    for index in 0..sizes.groups {
        let name = GROUPS[index % GROUPS.len()];
        let name = if index < GROUPS.len() { name.to_owned() } else { format!("{name} {}", index / GROUPS.len() + 1) };
        directory.add_group(Group {
            id: state.fresh_id("dirgroup"),
            display_name: name,
            external_id: format!("{:08x}", seed.next() as u32),
            updated_at: moment(index),
        });
    }
    for index in 0..sizes.users {
        let (given, _, given_ascii, _) = seed.choose(PEOPLE).unwrap_or(PEOPLE[0]);
        let (_, family, _, family_ascii) = seed.choose(PEOPLE).unwrap_or(PEOPLE[0]);
        // The number keeps addresses apart: there are more people than names.
        let login = format!("{given_ascii}.{family_ascii}{}", index + 1);
        let mut groups = Vec::new();
        for _ in 0..seed.below(3) {
            groups.extend(directory.groups.keys().nth(seed.below(sizes.groups)).copied());
        }
        groups.sort_unstable();
        groups.dedup();
        let user = User {
            id: state.fresh_id("diruser"),
            email: format!("{login}@{domain}"),
            given_name: given.to_owned(),
            family_name: family.to_owned(),
            preferred_username: login,
            title: seed.choose(TITLES).unwrap_or("Engineer").to_owned(),
            dp_id: format!("{:016x}", seed.next()),
            active: true,
            groups,
            updated_at: moment(index),
        };
        directory.add_user(user);
    }
    state.add_directory(directory);
}

/// When the `index`-th thing last changed: seven minutes and some microseconds apart, so that `updated_after` has something to cut.
fn moment(index: usize) -> Timestamp {
    let index = i64::try_from(index).unwrap_or(i64::MAX);
    let after = SignedDuration::from_secs(index.saturating_mul(420) % 30_000_000)
        + SignedDuration::from_micros(index % 1_000_000);
    epoch().checked_add(after).unwrap_or_default()
}

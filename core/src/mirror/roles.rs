//! Groups to roles: which group, by id, by name or by a pattern of names, gives its members which role.

use super::step::Step;
use super::{Mirror, ROLES_CAUSE};
use crate::store::{Chore, Durability, read, write};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The setting that holds it.
const SETTING: &str = "role_map";

/// The most entries of a role map, and the longest text in one, in bytes.
const MAX_ENTRIES: usize = 10_000;
const MAX_TEXT: usize = 1_000;

/// Which groups give which roles, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct RoleMap(Vec<(String, String)>);

impl RoleMap {
    pub(super) fn load(tx: &mut dyn crate::store::Transaction) -> Result<RoleMap> {
        let Some(text) = tx.setting(SETTING)? else { return Ok(RoleMap::default()) };
        serde_json::from_str(&text)
            .map_err(|error| Error::store("the role map cannot be read: set it again").with_source(error))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The roles of somebody who is in these groups (ids and names), in the order of their names.
    pub(super) fn roles<'a>(&self, groups: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Vec<String> {
        let mut roles = BTreeSet::new();
        for (pattern, role) in &self.0 {
            if groups.clone().any(|(id, name)| pattern == id || matches(pattern, name)) {
                roles.insert(role.as_str());
            }
        }
        roles.into_iter().map(str::to_owned).collect()
    }
}

/// Whether a name fits a pattern: `*` is any number of characters, `?` is one, everything else is itself, capitals apart from small
/// letters. A name fits itself, whatever is in it.
fn matches(pattern: &str, name: &str) -> bool {
    if pattern == name {
        return true;
    }
    if !pattern.contains(['*', '?']) {
        return false;
    }
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // Where the last star was, and how much of the name it has taken: one step back is enough, since a later star can take what an earlier
    // one left.
    let (mut p, mut n, mut star) = (0, 0, None::<(usize, usize)>);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|left| *left == '*')
}

impl Mirror {
    /// Says which groups give which roles: pairs of a group (its id, its name, or a pattern of names with `*` and `?`) and a role. All that fit
    /// count. What that changes for whom is in the feed as `roles.changed`, with the cause `roles`, when this returns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for an empty or over-long group or role, and more than 10,000 pairs;
    /// [`ErrorKind::Store`](crate::ErrorKind::Store). After a failure in the middle the rest is done when the mirror is next opened or synced.
    pub async fn set_role_map<G: Into<String>, R: Into<String>>(
        &self,
        pairs: impl IntoIterator<Item = (G, R)>,
    ) -> Result<()> {
        let map = RoleMap(pairs.into_iter().map(|(group, role)| (group.into(), role.into())).collect());
        if map.0.len() > MAX_ENTRIES {
            return Err(Error::invalid_argument(format!("the role map has more than {MAX_ENTRIES} entries")));
        }
        for text in map.0.iter().flat_map(|(group, role)| [group, role]) {
            if text.is_empty() || text.len() > MAX_TEXT {
                return Err(Error::invalid_argument(format!(
                    "a group or role of the role map has {} bytes: expected 1 to {MAX_TEXT}",
                    text.len()
                )));
            }
        }
        let text = serde_json::to_string(&map).map_err(|error| Error::internal(error.to_string()))?;
        write(self.store(), Durability::Power, move |tx| {
            if RoleMap::load(tx)? == map {
                return Ok(());
            }
            tx.put_setting(SETTING, &text)?;
            let chore = Chore { number: 0, group_id: String::new(), position: 0, cause: ROLES_CAUSE.to_owned() };
            tx.put_chore(&chore)
        })
        .await?;
        self.finish_chores().await
    }

    /// The pairs of the role map, as they were set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store).
    pub async fn role_map(&self) -> Result<Vec<(String, String)>> {
        read(self.store(), |tx| Ok(RoleMap::load(tx)?.0)).await
    }

    /// Does what was begun and is too long for one transaction, to its end.
    pub(super) async fn finish_chores(&self) -> Result<()> {
        let clock = self.clock();
        loop {
            let now = clock.now();
            let more = write(self.store(), Durability::Process, move |tx| {
                let Some(chore) = tx.chore()? else { return Ok(false) };
                Step::new(tx, &chore.cause, now)?.go_on(&chore)?;
                Ok(true)
            })
            .await?;
            self.tell_head();
            if !more {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_names_and_patterns() {
        let map = RoleMap(
            [
                ("dirgroup_1", "owner"),
                ("Engineering", "developer"),
                ("eng-*", "developer"),
                ("Team ?", "member"),
                ("*", "everybody"),
            ]
            .map(|(group, role)| (group.to_owned(), role.to_owned()))
            .to_vec(),
        );
        let roles = |groups: &[(&str, &str)]| map.roles(groups.iter().copied()).join(" ");
        assert_eq!(roles(&[]), "");
        assert_eq!(roles(&[("dirgroup_1", "x")]), "everybody owner");
        assert_eq!(roles(&[("g", "Engineering"), ("h", "eng-core")]), "developer everybody");
        assert_eq!(roles(&[("g", "engineering")]), "everybody");
        assert_eq!(roles(&[("g", "Team ü")]), "everybody member");
        assert_eq!(roles(&[("g", "Team 10")]), "everybody");
    }

    #[test]
    fn a_pattern_is_no_trap() {
        assert!(matches("a*b*c", "aXbYbZc"));
        assert!(!matches("a*b*c", "aXbYbZ"));
        assert!(matches("**", ""));
        assert!(!matches("?", ""));
        assert!(matches("a[b]", "a[b]"));
        // Quadratic at worst: a name of 10,000 characters is a moment.
        assert!(!matches(&format!("{}b", "*a".repeat(400)), &"a".repeat(10_000)));
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*?]{0,6}", name in "[ab]{0,6}") {
            fn by_definition(pattern: &[char], name: &[char]) -> bool {
                match pattern.split_first() {
                    None => name.is_empty(),
                    Some(('*', rest)) => (0..=name.len()).any(|taken| by_definition(rest, &name[taken..])),
                    Some((wanted, rest)) => {
                        name.split_first().is_some_and(|(first, left)| (*wanted == '?' || wanted == first) && by_definition(rest, left))
                    }
                }
            }
            let (p, n): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
            prop_assert_eq!(matches(&pattern, &name), pattern == name || by_definition(&p, &n));
        }
    }
}

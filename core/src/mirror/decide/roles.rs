//! The role map: which groups, given by id, name or a pattern of names, give their members which roles.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The greatest number of entries of a role map.
const MAX_ENTRIES: usize = 10_000;

/// The greatest length of a group or role in it, in bytes.
const MAX_TEXT: usize = 1_000;

/// Which groups give which roles, in the order in which the application set them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::mirror) struct RoleMap(Vec<(String, String)>);

impl RoleMap {
    /// Makes a role map of pairs of a group and a role.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for more than 10,000 pairs, and for an empty group or role or one of
    /// more than 1,000 bytes.
    pub(in crate::mirror) fn new(pairs: Vec<(String, String)>) -> Result<RoleMap> {
        if pairs.len() > MAX_ENTRIES {
            return Err(Error::invalid_argument(format!(
                "expected a role map of at most {MAX_ENTRIES} entries, got {}",
                pairs.len()
            )));
        }
        for (what, text) in pairs.iter().flat_map(|(group, role)| [("group", group), ("role", role)]) {
            if text.is_empty() || text.len() > MAX_TEXT {
                return Err(Error::invalid_argument(format!(
                    "expected each {what} of the role map to have 1 to {MAX_TEXT} bytes, got {}",
                    text.len()
                )));
            }
        }
        Ok(RoleMap(pairs))
    }

    /// Reads the stored form; `None`, a role map that was never set, gives an empty one.
    pub(in crate::mirror) fn parse(stored: Option<&str>) -> Result<RoleMap> {
        let Some(text) = stored else { return Ok(RoleMap::default()) };
        serde_json::from_str(text)
            .map_err(|error| Error::store("the stored role map cannot be read: set it again").with_source(error))
    }

    /// Returns the stored form.
    pub(in crate::mirror) fn encode(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::internal(error.to_string()))
    }

    /// The pairs, in the order in which they were set.
    pub(in crate::mirror) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any entry gives this role.
    pub(super) fn gives(&self, role: &str) -> bool {
        self.0.iter().any(|(_, given)| given == role)
    }

    /// Returns the roles of a user who is in groups with these ids and names, sorted.
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

/// Returns whether a name matches a pattern, case-sensitive: `*` matches any number of characters, `?` matches one, and every other character
/// itself. A name that equals the pattern always matches, even if it contains `*` or `?`.
fn matches(pattern: &str, name: &str) -> bool {
    if pattern == name {
        return true;
    }
    if !pattern.contains(['*', '?']) {
        return false;
    }
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // The position after the last star and the end of what it matched. Going back to the last star alone is enough: a longer match of an
    // earlier star can always be made up by the later one.
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
                Some((at, end)) => {
                    star = Some((at, end + 1));
                    p = at + 1;
                    n = end + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|left| *left == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_group_matches_by_id_by_name_and_by_pattern() {
        let map = RoleMap(
            [
                ("dirgroup_1", "owner"),
                ("Engineering", "developer"),
                ("eng-*", "developer"),
                ("Team ?", "member"),
                ("*", "all"),
            ]
            .map(|(group, role)| (group.to_owned(), role.to_owned()))
            .to_vec(),
        );
        let roles = |groups: &[(&str, &str)]| map.roles(groups.iter().copied()).join(" ");
        assert_eq!(roles(&[]), "");
        assert_eq!(roles(&[("dirgroup_1", "x")]), "all owner");
        assert_eq!(roles(&[("g", "Engineering"), ("h", "eng-core")]), "all developer");
        assert_eq!(roles(&[("g", "engineering")]), "all");
        assert_eq!(roles(&[("g", "Team ü")]), "all member");
        assert_eq!(roles(&[("g", "Team 10")]), "all");
    }

    #[test]
    fn matching_takes_quadratic_time_at_most() {
        assert!(matches("a*b*c", "aXbYbZc"));
        assert!(!matches("a*b*c", "aXbYbZ"));
        assert!(matches("**", ""));
        assert!(!matches("?", ""));
        assert!(matches("a[b]", "a[b]"));
        assert!(!matches(&format!("{}b", "*a".repeat(400)), &"a".repeat(10_000)));
    }

    proptest! {
        #[test]
        fn matching_agrees_with_its_recursive_definition(pattern in "[ab*?]{0,6}", name in "[ab]{0,6}") {
            fn by_definition(pattern: &[char], name: &[char]) -> bool {
                match pattern.split_first() {
                    None => name.is_empty(),
                    Some(('*', rest)) => (0..=name.len()).any(|end| by_definition(rest, &name[end..])),
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

//! The role map: which groups, given by id, name or a pattern of names, give their members which roles.

use crate::record::{MirrorGroup, RoleMapEntry, RoleMapKey};
use crate::{Error, Result};
use icu_normalizer::ComposingNormalizerBorrowed;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The greatest number of entries of a role map.
const MAX_ENTRIES: usize = 10_000;

/// The greatest length of a group, a role or an organization's id in it, in bytes.
const MAX_TEXT: usize = 1_000;

/// Which groups give which roles, in the order in which the application set them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::mirror) struct RoleMap {
    entries: Vec<RoleMapEntry>,
    /// The normalized name or pattern of each entry; empty for an entry with an id.
    patterns: Vec<String>,
}

/// The stored form of an entry. Version 0.1.0 wrote pairs; an entry without other fields is still written as one.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Pair(String, String),
    Entry(RoleMapEntry),
}

impl RoleMap {
    /// Makes a role map of these entries.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for more than 10,000 entries, and for an empty group, role or
    /// organization or one of more than 1,000 bytes.
    pub(in crate::mirror) fn new(entries: Vec<RoleMapEntry>) -> Result<RoleMap> {
        if entries.len() > MAX_ENTRIES {
            return Err(Error::invalid_argument(format!(
                "expected a role map of at most {MAX_ENTRIES} entries, got {}",
                entries.len()
            )));
        }
        for entry in &entries {
            let texts = [
                ("group", Some(&entry.group)),
                ("role", Some(&entry.role)),
                ("organization_id", entry.organization_id.as_ref()),
            ];
            for (what, text) in texts {
                if text.is_some_and(|text| text.is_empty() || text.len() > MAX_TEXT) {
                    return Err(Error::invalid_argument(format!(
                        "expected each {what} of the role map to have 1 to {MAX_TEXT} bytes, got {}",
                        text.map_or(0, String::len)
                    )));
                }
            }
        }
        Ok(RoleMap::of(entries))
    }

    fn of(entries: Vec<RoleMapEntry>) -> RoleMap {
        let pattern = |entry: &RoleMapEntry| match entry.key {
            RoleMapKey::Id => String::new(),
            RoleMapKey::Name => normalized(&entry.group).into_owned(),
        };
        let patterns = entries.iter().map(pattern).collect();
        RoleMap { entries, patterns }
    }

    /// Reads the stored form. If it is `None`, because no role map was ever set, returns an empty role map.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if it cannot be read.
    pub(in crate::mirror) fn parse(stored: Option<&str>) -> Result<RoleMap> {
        let Some(text) = stored else { return Ok(RoleMap::default()) };
        let stored: Vec<Stored> = serde_json::from_str(text)
            .map_err(|error| Error::store("the stored role map cannot be read: set it again").with_source(error))?;
        let entry = |stored| match stored {
            Stored::Pair(group, role) => RoleMapEntry::from((group, role)),
            Stored::Entry(entry) => entry,
        };
        Ok(RoleMap::of(stored.into_iter().map(entry).collect()))
    }

    /// Returns the stored form.
    pub(in crate::mirror) fn encode(&self) -> Result<String> {
        let stored = |entry: &RoleMapEntry| {
            let (group, role) = (entry.group.clone(), entry.role.clone());
            let is_pair = RoleMapEntry::from((group.as_str(), role.as_str())) == *entry;
            if is_pair { Stored::Pair(group, role) } else { Stored::Entry(entry.clone()) }
        };
        let stored: Vec<Stored> = self.entries.iter().map(stored).collect();
        serde_json::to_string(&stored).map_err(|error| Error::internal(error.to_string()))
    }

    /// The entries, in the order in which they were set.
    pub(in crate::mirror) fn into_entries(self) -> Vec<RoleMapEntry> {
        self.entries
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether any entry gives this role.
    pub(super) fn gives(&self, role: &str) -> bool {
        self.entries.iter().any(|entry| entry.role == role)
    }

    /// Returns the roles of a user of an organization who is in groups with these ids and names, sorted.
    pub(super) fn roles<'a>(
        &self,
        organization_id: &str,
        groups: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Vec<String> {
        let groups: Vec<(&str, Cow<'_, str>)> = groups.map(|(id, name)| (id, normalized(name))).collect();
        let mut roles = BTreeSet::new();
        for (index, entry) in self.entries.iter().enumerate() {
            if groups.iter().any(|(id, name)| self.is_match(index, organization_id, id, name)) {
                roles.insert(entry.role.as_str());
            }
        }
        roles.into_iter().map(str::to_owned).collect()
    }

    /// Returns the entries that match a group of an organization, in the order in which they were set.
    pub(super) fn matching<'a>(
        &'a self,
        organization_id: &'a str,
        id: &'a str,
        name: &'a str,
    ) -> impl Iterator<Item = &'a RoleMapEntry> {
        let name = normalized(name);
        let is_match = move |index: &usize| self.is_match(*index, organization_id, id, &name);
        (0..self.entries.len()).filter(is_match).map(|index| &self.entries[index])
    }

    /// Returns whether an entry, given by its index, matches a group. `name` is the group's name after normalization.
    fn is_match(&self, index: usize, organization_id: &str, id: &str, name: &str) -> bool {
        let (entry, pattern) = (&self.entries[index], &self.patterns[index]);
        entry.organization_id.as_ref().is_none_or(|own| own == organization_id)
            && match entry.key {
                RoleMapKey::Id => entry.group == id,
                RoleMapKey::Name => matches(pattern, name),
            }
    }
}

/// The entries of a role map that match none of the groups seen so far.
pub(in crate::mirror) struct Unmatched {
    map: RoleMap,
    /// Indices of these entries.
    left: Vec<usize>,
}

impl Unmatched {
    /// Starts with all entries.
    pub(in crate::mirror) fn new(map: RoleMap) -> Unmatched {
        let left = (0..map.entries.len()).collect();
        Unmatched { map, left }
    }

    /// Whether every entry matches a group.
    pub(in crate::mirror) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Drops the entries that match a group.
    pub(in crate::mirror) fn see(&mut self, group: &MirrorGroup) {
        let name = normalized(&group.display_name);
        self.left.retain(|index| !self.map.is_match(*index, &group.organization_id, &group.id, &name));
    }

    /// The entries that are left, in the order in which they were set.
    pub(in crate::mirror) fn into_entries(self) -> Vec<RoleMapEntry> {
        let Unmatched { map, left } = self;
        left.into_iter().map(|index| map.entries[index].clone()).collect()
    }
}

/// Returns a text in the normalization form NFC: the same letter with an accent can be one character or two, and directories send both.
fn normalized(text: &str) -> Cow<'_, str> {
    const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
    if text.is_ascii() { Cow::Borrowed(text) } else { NFC.normalize(text) }
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
    // The position of the last star in the pattern, and the end of what it has matched in the name. After a mismatch only the last star is made to
    // match more: if an earlier one matched more instead, the last star could match the characters between as well.
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

    fn map<E: Into<RoleMapEntry>>(entries: impl IntoIterator<Item = E>) -> RoleMap {
        RoleMap::new(entries.into_iter().map(Into::into).collect()).unwrap()
    }

    /// The roles of a user of `org_1` in groups with these ids and names, separated by spaces.
    fn roles(map: &RoleMap, groups: &[(&str, &str)]) -> String {
        map.roles("org_1", groups.iter().copied()).join(" ")
    }

    #[test]
    fn a_group_matches_by_id_by_name_and_by_pattern() {
        let map = map([
            ("dirgroup_1", "owner"),
            ("Engineering", "developer"),
            ("eng-*", "developer"),
            ("Team ?", "member"),
            ("*", "all"),
        ]);
        assert_eq!(roles(&map, &[]), "");
        assert_eq!(roles(&map, &[("dirgroup_1", "x")]), "all owner");
        assert_eq!(roles(&map, &[("g", "Engineering"), ("h", "eng-core")]), "all developer");
        assert_eq!(roles(&map, &[("g", "engineering")]), "all");
        assert_eq!(roles(&map, &[("g", "Team ü")]), "all member");
        assert_eq!(roles(&map, &[("g", "Team 10")]), "all");
    }

    #[test]
    fn an_entry_for_an_id_does_not_match_a_group_that_is_named_like_it() {
        let map = map([("dirgroup_1", "owner"), ("dirgroup_*", "all")]);
        assert_eq!(roles(&map, &[("dirgroup_2", "dirgroup_1")]), "");
        assert_eq!(roles(&map, &[("dirgroup_2", "dirgroup_*")]), "");
        assert_eq!(roles(&map, &[("dirgroup_1", "x")]), "owner");
    }

    #[test]
    fn an_entry_for_a_name_does_not_match_an_id() {
        let map = map([RoleMapEntry::by_name("dirgroup_1", "owner")]);
        assert_eq!(roles(&map, &[("dirgroup_1", "x")]), "");
        assert_eq!(roles(&map, &[("dirgroup_2", "dirgroup_1")]), "owner");
    }

    #[test]
    fn an_entry_of_an_organization_matches_only_its_groups() {
        let map = map([RoleMapEntry::by_name("Admins", "admin").in_organization("org_2")]);
        assert_eq!(roles(&map, &[("dirgroup_1", "Admins")]), "");
        assert_eq!(map.roles("org_2", [("dirgroup_1", "Admins")].into_iter()), ["admin"]);
    }

    #[test]
    fn names_and_patterns_are_compared_after_normalization() {
        let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}");
        for (pattern, name) in [(composed, decomposed), (decomposed, composed), ("caf?", decomposed)] {
            assert_eq!(roles(&map([(pattern, "cook")]), &[("dirgroup_1", name)]), "cook", "{pattern} and {name}");
        }
    }

    #[test]
    fn a_role_map_of_version_0_1_0_is_read_and_pairs_are_still_written_like_it() {
        let stored = r#"[["dirgroup_1","owner"],["eng-*","developer"]]"#;
        let map = RoleMap::parse(Some(stored)).unwrap();
        assert_eq!(map.entries[0].key, RoleMapKey::Id);
        assert_eq!(map.entries[1].key, RoleMapKey::Name);
        assert_eq!(map.encode().unwrap(), stored);
    }

    #[test]
    fn entries_that_are_not_stored_as_pairs_are_read_as_they_were_written() {
        let map = map([
            RoleMapEntry::by_name("dirgroup_1", "a"),
            RoleMapEntry::by_id("g", "b"),
            RoleMapEntry::from(("Crew", "c")).in_organization("org_1"),
        ]);
        assert_eq!(RoleMap::parse(Some(&map.encode().unwrap())).unwrap(), map);
    }

    #[test]
    fn an_entry_with_an_empty_text_is_refused() {
        for entry in [
            RoleMapEntry::by_id("", "a"),
            RoleMapEntry::by_name("Crew", ""),
            RoleMapEntry::by_name("Crew", "a").in_organization(""),
        ] {
            assert_eq!(RoleMap::new(vec![entry]).unwrap_err().kind(), crate::ErrorKind::InvalidArgument);
        }
    }

    #[test]
    fn unmatched_entries_are_those_that_match_no_group_of_their_organization() {
        let in_another = RoleMapEntry::by_name("Crew", "b").in_organization("org_2");
        let mut unmatched = Unmatched::new(map([RoleMapEntry::from(("Cre?", "a")), in_another.clone()]));
        unmatched.see(&MirrorGroup {
            id: "dirgroup_1".to_owned(),
            organization_id: "org_1".to_owned(),
            display_name: "Crew".to_owned(),
            ..MirrorGroup::default()
        });
        assert_eq!(unmatched.into_entries(), [in_another]);
    }

    #[test]
    fn patterns_with_several_stars_match_in_at_most_quadratic_time() {
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

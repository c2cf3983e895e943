//! Pages: a range of the numbers that a listing's items have, named by an opaque token.
//!
//! A token holds on to an item rather than to a count, so that a page does not shift when somebody is hired or leaves meanwhile.

use crate::error::Error;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use headcount::Timestamp;
use serde::Deserialize;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Bound;

/// The query parameters of all listings, as texts: what is malformed is refused by name.
#[derive(Default, Deserialize)]
pub(super) struct Params {
    page_size: Option<String>,
    page_token: Option<String>,
    pub(super) external_id: Option<String>,
    include_detail: Option<String>,
    include_external_groups: Option<String>,
    pub(super) directory_group_id: Option<String>,
    updated_after: Option<String>,
}

impl Params {
    pub(super) fn read(query: Result<Query<Params>, QueryRejection>) -> Result<Params, Error> {
        let Query(params) = query.map_err(|_| Error::invalid("the query is malformed"))?;
        Ok(params)
    }

    pub(super) fn include_detail(&self) -> Result<bool, Error> {
        boolean("include_detail", self.include_detail.as_deref())
    }

    pub(super) fn include_external_groups(&self) -> Result<bool, Error> {
        boolean("include_external_groups", self.include_external_groups.as_deref())
    }

    pub(super) fn updated_after(&self) -> Result<Option<Timestamp>, Error> {
        let parse = |text: &str| text.parse().map_err(|_| Error::invalid("updated_after: expected an RFC 3339 time"));
        self.updated_after.as_deref().filter(|text| !text.is_empty()).map(parse).transpose()
    }

    /// What a token is good for: one listing with the same filters.
    fn listing(&self, of: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        (of, &self.external_id, &self.directory_group_id, &self.updated_after).hash(&mut hasher);
        hasher.finish()
    }

    /// The page that was asked for. `smallest` and `largest` are the sizes that the server gives, whatever is asked.
    pub(super) fn page(&self, of: &str, default: usize, smallest: usize, largest: usize) -> Result<Wanted, Error> {
        let listing = self.listing(of);
        let size = match self.page_size.as_deref() {
            None | Some("" | "0") => default,
            Some(text) => {
                text.parse::<u32>().map_err(|_| Error::invalid("page_size: expected a whole number"))? as usize
            }
        };
        let at = match self.page_token.as_deref() {
            None | Some("") => At::Start,
            Some(token) => {
                At::read(token, listing).ok_or_else(|| Error::invalid("page_token: not a token of this listing"))?
            }
        };
        Ok(Wanted { listing, size: size.clamp(smallest, largest), at })
    }
}

fn boolean(name: &str, text: Option<&str>) -> Result<bool, Error> {
    match text {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Error::invalid(format!("{name}: expected true or false"))),
    }
}

/// Where a page lies.
enum At {
    Start,
    After(u64),
    Before(u64),
}

impl At {
    fn read(token: &str, listing: u64) -> Option<At> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let text = std::str::from_utf8(&bytes).ok()?;
        let mut parts = text.split('.');
        let (of, side, number) = (parts.next()?, parts.next()?, parts.next()?.parse().ok()?);
        if parts.next().is_some() || of != format!("{listing:x}") {
            return None;
        }
        match side {
            "after" => Some(At::After(number)),
            "before" => Some(At::Before(number)),
            _ => None,
        }
    }
}

/// A page to be cut out of a listing.
pub(super) struct Wanted {
    listing: u64,
    size: usize,
    at: At,
}

/// A page that was cut.
pub(super) struct Cut<T> {
    pub(super) items: Vec<T>,
    pub(super) next: String,
    pub(super) prev: String,
}

impl Wanted {
    /// Takes the page from `range`, which gives the items between two numbers, in order and from both ends.
    pub(super) fn cut<T, I: DoubleEndedIterator<Item = (u64, T)>>(
        &self,
        range: impl Fn((Bound<u64>, Bound<u64>)) -> I,
    ) -> Cut<T> {
        use Bound::{Excluded, Unbounded};
        let mut items: Vec<(u64, T)> = match self.at {
            At::Start => range((Unbounded, Unbounded)).take(self.size).collect(),
            At::After(number) => range((Excluded(number), Unbounded)).take(self.size).collect(),
            At::Before(number) => {
                let mut items: Vec<_> = range((Unbounded, Excluded(number))).rev().take(self.size).collect();
                items.reverse();
                items
            }
        };
        let token = |side: &str, number: u64| URL_SAFE_NO_PAD.encode(format!("{:x}.{side}.{number}", self.listing));
        let (mut next, mut prev) = (String::new(), String::new());
        if let (Some((first, _)), Some((last, _))) = (items.first(), items.last()) {
            if range((Excluded(*last), Unbounded)).next().is_some() {
                next = token("after", *last);
            }
            if range((Unbounded, Excluded(*first))).next_back().is_some() {
                prev = token("before", *first);
            }
        }
        Cut { items: items.drain(..).map(|(_, item)| item).collect(), next, prev }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn pages_lead_forward_and_back() {
        let items: BTreeMap<u64, u64> = (1..=25).map(|number| (number * 3, number)).collect();
        let cut = |token: &str| {
            let params = Params { page_token: Some(token.to_owned()), ..Params::default() };
            params
                .page("numbers", 10, 1, 30)
                .unwrap()
                .cut(|range| items.range(range).map(|(number, item)| (*number, *item)))
        };
        let first = cut("");
        let second = cut(&first.next);
        let third = cut(&second.next);
        assert_eq!([&first.items, &second.items, &third.items].map(Vec::len), [10, 10, 5]);
        assert_eq!(third.items.last(), Some(&25));
        assert_eq!((first.prev.as_str(), third.next.as_str()), ("", ""));
        assert_eq!(cut(&third.prev).items, second.items);
        assert_eq!(cut(&second.prev).items, first.items);
    }

    #[test]
    fn a_token_is_good_for_its_listing_alone() {
        let params = |token: &str| Params { page_token: Some(token.to_owned()), ..Params::default() };
        let token = params("").page("a", 1, 1, 1).unwrap().cut(|_| [(1, ()), (2, ())].into_iter()).next;
        assert!(params(&token).page("a", 1, 1, 1).is_ok());
        for token in [token.as_str(), "nonsense", "!"] {
            assert!(params(token).page("b", 1, 1, 1).is_err());
        }
        let filtered = Params { updated_after: Some("2026-01-01T00:00:00Z".into()), ..params(&token) };
        assert!(filtered.page("a", 1, 1, 1).is_err());
    }
}

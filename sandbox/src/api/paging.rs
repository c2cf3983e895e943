//! Pages of a listing.
//!
//! Every item of a listing has a number, and a listing is in increasing order of its numbers. A page token names the listing and the item
//! that the page starts after (or ends before), so that items that are created or deleted between two requests do not shift a page.

use crate::error::Error;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use headcount::Timestamp;
use serde::Deserialize;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Bound;

/// The query parameters of all listings. They are read as strings, so that an error can name the malformed one.
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

/// The page sizes of a listing. A requested size outside of `smallest` to `largest` is replaced by the nearest of the two.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) default: usize,
    pub(super) smallest: usize,
    pub(super) largest: usize,
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

    /// Returns a hash of the listing and its filters. A page token is valid only for the same hash.
    fn listing_hash(&self, listing: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        (listing, &self.external_id, &self.directory_group_id, &self.updated_after).hash(&mut hasher);
        hasher.finish()
    }

    /// Reads which page of `listing` is asked for.
    ///
    /// # Errors
    ///
    /// 400 if the page size is not a number, or the token is not one of this listing with these filters.
    pub(super) fn page_request(&self, listing: &str, sizes: Sizes) -> Result<PageRequest, Error> {
        let listing_hash = self.listing_hash(listing);
        let size = match self.page_size.as_deref() {
            None | Some("" | "0") => sizes.default,
            Some(text) => {
                text.parse::<u32>().map_err(|_| Error::invalid("page_size: expected a whole number"))? as usize
            }
        };
        let position = match self.page_token.as_deref() {
            None | Some("") => Position::Start,
            Some(token) => Position::read(token, listing_hash)
                .ok_or_else(|| Error::invalid("page_token: not a token of this listing"))?,
        };
        Ok(PageRequest { listing_hash, size: size.clamp(sizes.smallest, sizes.largest), position })
    }
}

fn boolean(name: &str, text: Option<&str>) -> Result<bool, Error> {
    match text {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Error::invalid(format!("{name}: expected true or false"))),
    }
}

/// Where a page is: at the start of the listing, or directly after or before the item with this number.
enum Position {
    Start,
    After(u64),
    Before(u64),
}

impl Position {
    /// Decodes a page token: base64url of `HASH.after.NUMBER` or `HASH.before.NUMBER`.
    fn read(token: &str, listing_hash: u64) -> Option<Position> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let text = std::str::from_utf8(&bytes).ok()?;
        let mut parts = text.split('.');
        let (hash, side, number) = (parts.next()?, parts.next()?, parts.next()?.parse().ok()?);
        if parts.next().is_some() || hash != format!("{listing_hash:x}") {
            return None;
        }
        match side {
            "after" => Some(Position::After(number)),
            "before" => Some(Position::Before(number)),
            _ => None,
        }
    }
}

/// The page that a call asks for.
pub(super) struct PageRequest {
    listing_hash: u64,
    size: usize,
    position: Position,
}

/// One page of a listing.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// Token of the next page; empty on the last one.
    pub(super) next: String,
    /// Token of the previous page; empty on the first one.
    pub(super) prev: String,
}

impl PageRequest {
    /// Returns the page. `range` is a function that returns the listing's items with numbers in a range, in increasing order.
    pub(super) fn select<T, I: DoubleEndedIterator<Item = (u64, T)>>(
        &self,
        range: impl Fn((Bound<u64>, Bound<u64>)) -> I,
    ) -> Page<T> {
        use Bound::{Excluded, Unbounded};
        let items: Vec<(u64, T)> = match self.position {
            Position::Start => range((Unbounded, Unbounded)).take(self.size).collect(),
            Position::After(number) => range((Excluded(number), Unbounded)).take(self.size).collect(),
            Position::Before(number) => {
                let mut items: Vec<_> = range((Unbounded, Excluded(number))).rev().take(self.size).collect();
                items.reverse();
                items
            }
        };
        let token =
            |side: &str, number: u64| URL_SAFE_NO_PAD.encode(format!("{:x}.{side}.{number}", self.listing_hash));
        let (mut next, mut prev) = (String::new(), String::new());
        if let (Some((first, _)), Some((last, _))) = (items.first(), items.last()) {
            if range((Excluded(*last), Unbounded)).next().is_some() {
                next = token("after", *last);
            }
            if range((Unbounded, Excluded(*first))).next_back().is_some() {
                prev = token("before", *first);
            }
        }
        Page { items: items.into_iter().map(|(_, item)| item).collect(), next, prev }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const SIZES: Sizes = Sizes { default: 10, smallest: 1, largest: 30 };
    const ONE: Sizes = Sizes { default: 1, smallest: 1, largest: 1 };

    fn with_token(token: &str) -> Params {
        Params { page_token: Some(token.to_owned()), ..Params::default() }
    }

    #[test]
    fn page_tokens_select_every_page_forwards_and_backwards() {
        let items: BTreeMap<u64, u64> = (1..=25).map(|number| (number * 3, number)).collect();
        let page = |token: &str| {
            let request = with_token(token).page_request("numbers", SIZES).unwrap();
            request.select(|range| items.range(range).map(|(number, item)| (*number, *item)))
        };
        let first = page("");
        let second = page(&first.next);
        let third = page(&second.next);
        assert_eq!(first.items.len(), 10);
        assert_eq!(second.items.len(), 10);
        assert_eq!(third.items.len(), 5);
        assert_eq!(third.items.last(), Some(&25));
        assert_eq!(first.prev, "");
        assert_eq!(third.next, "");
        assert_eq!(page(&third.prev).items, second.items);
        assert_eq!(page(&second.prev).items, first.items);
    }

    #[test]
    fn a_token_is_refused_for_another_listing_or_filter() {
        let request = with_token("").page_request("a", ONE).unwrap();
        let token = request.select(|_| [(1, ()), (2, ())].into_iter()).next;
        assert!(with_token(&token).page_request("a", ONE).is_ok());
        assert!(with_token(&token).page_request("b", ONE).is_err());
        let filtered = Params { updated_after: Some("2026-01-01T00:00:00Z".into()), ..with_token(&token) };
        assert!(filtered.page_request("a", ONE).is_err());
    }

    #[test]
    fn a_malformed_token_is_refused() {
        for token in ["nonsense", "!"] {
            assert!(with_token(token).page_request("a", ONE).is_err(), "{token}");
        }
    }
}

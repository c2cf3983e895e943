//! One page of a listing.

/// Part of a listing's items, and the tokens of the next and the previous page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Page<T> {
    /// The items, in the server's order.
    pub items: Vec<T>,
    /// Number of items in the whole listing, as the server counts them.
    pub total_size: u64,
    /// Token of the next page, or empty on the last page.
    pub next_page_token: String,
    /// Token of the previous page, or empty on the first page.
    pub prev_page_token: String,
}

impl<T> Page<T> {
    /// Makes the only page of a listing with these items.
    pub fn new(items: Vec<T>) -> Page<T> {
        Page { total_size: items.len() as u64, items, next_page_token: String::new(), prev_page_token: String::new() }
    }
}

/// Deserializes a count, for `#[serde(deserialize_with)]`: a number, or text, since protobuf's JSON writes 64-bit numbers as text.
#[cfg(feature = "client")]
pub(crate) fn total_size<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Count;

    impl serde::de::Visitor<'_> for Count {
        type Value = u64;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a count, as a number or as text")
        }

        fn visit_u64<E>(self, count: u64) -> Result<u64, E> {
            Ok(count)
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<u64, E> {
            text.parse().map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
        }

        fn visit_unit<E>(self) -> Result<u64, E> {
            Ok(0)
        }
    }

    deserializer.deserialize_any(Count)
}

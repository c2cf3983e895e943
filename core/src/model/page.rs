//! One page of a listing.

/// Some of a listing's items, and how to get at the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Page<T> {
    /// The items, in the server's order.
    pub items: Vec<T>,
    /// How many items the whole listing has, by the server's count.
    pub total_size: u64,
    /// What to ask the next page with, or empty on the last one.
    pub next_page_token: String,
    /// What to ask the page before with, or empty on the first one.
    pub prev_page_token: String,
}

/// For `#[serde(deserialize_with)]`: a count that may come as a number, or as text the way protobuf's JSON prints 64-bit numbers.
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

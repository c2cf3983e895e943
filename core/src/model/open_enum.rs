//! Enums that keep unknown values as text.

/// Defines an enum with the contract's values and one for every other text, with `as_str`, `Display` and serde.
macro_rules! open_enum {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $type {
            $($(#[$doc])* $variant,)*
            /// A value that this version does not know, or the empty text if none was sent.
            Other(String),
        }

        impl $type {
            /// Returns the text on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $($type::$variant => $text,)*
                    $type::Other(text) => text,
                }
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> $type {
                match text {
                    $($text => $type::$variant,)*
                    other => $type::Other(other.to_owned()),
                }
            }
        }

        impl Default for $type {
            fn default() -> $type {
                $type::Other(String::new())
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                Ok(std::borrow::Cow::<str>::deserialize(deserializer)?.as_ref().into())
            }
        }
    };
}

pub(crate) use open_enum;

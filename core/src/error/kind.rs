//! The kinds of errors: name, number, class and HTTP statuses of each. Every binding's table is made from these definitions.

/// The error for a text that is not the name of a value of an enum such as [`ErrorKind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    pub(crate) type_name: &'static str,
    pub(crate) names: Vec<&'static str>,
}

impl std::fmt::Display for UnknownName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no {} has this name: expected one of {}", self.type_name, self.names.join(", "))
    }
}

impl std::error::Error for UnknownName {}

/// Defines an enum of named values together with its table `ALL`, its `name` and its `Display`.
///
/// `Variant = "name",` or, where the numeric value is part of an interface, `Variant: 1 = "name",`.
macro_rules! named {
    ($(#[$meta:meta])* $type:ident {
        $($(#[$doc:meta])* $variant:ident $(: $number:literal)? = $name:literal,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $type { $($(#[$doc])* $variant $(= $number)?,)* }

        impl $type {
            /// Every value, in the order of the definition. Bindings check their own tables against it.
            pub const ALL: &[$type] = &[$($type::$variant,)*];

            /// Returns the value's name, which is the same in every language.
            pub const fn name(self) -> &'static str {
                match self { $($type::$variant => $name,)* }
            }
        }

        impl ::std::str::FromStr for $type {
            type Err = $crate::UnknownName;

            /// Reads a value's name.
            fn from_str(name: &str) -> ::std::result::Result<$type, $crate::UnknownName> {
                let found = $type::ALL.iter().copied().find(|value| value.name() == name);
                found.ok_or_else(|| $crate::UnknownName {
                    type_name: stringify!($type),
                    names: $type::ALL.iter().map(|value| value.name()).collect(),
                })
            }
        }

        impl ::std::fmt::Display for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

#[cfg(feature = "client")]
pub(crate) use named;

/// Defines [`ErrorKind`]: `Variant = number, "name", "Class";`. Numbers and names are part of the C ABI and never change.
macro_rules! error_kinds {
    ($(#[$meta:meta])* $type:ident {
        $($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal, $class:literal;)*
    }) => {
        named! { $(#[$meta])* $type { $($(#[$doc])* $variant: $number = $name,)* } }

        impl $type {
            /// Returns the kind's number, which is also C's `hc_status`. It never changes; 0 stands for success and is no kind.
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// Returns the name of the kind's class in the languages that have exception classes.
            pub const fn class_name(self) -> &'static str {
                match self { $($type::$variant => $class,)* }
            }
        }
    };
}

error_kinds! {
    /// What kind of error occurred.
    #[repr(u8)]
    ErrorKind {
        /// A setting is missing or malformed; the message names it.
        Config = 1, "config", "ConfigError";
        /// An argument cannot be used: an empty id, a page size of zero, text that is not UTF-8.
        InvalidArgument = 2, "invalid_argument", "InvalidArgumentError";
        /// The server could not be reached, or the connection broke before the whole answer arrived.
        Connection = 3, "connection", "ConnectionError";
        /// The deadline passed before the call was done.
        Timeout = 4, "timeout", "TimeoutError";
        /// The server answered with a status that has no kind of its own.
        Api = 5, "api", "ApiError";
        /// 400, 409, 412 or 422: the server refused the content of the request.
        BadRequest = 6, "bad_request", "BadRequestError";
        /// 401: the client id, the client secret or the token was refused.
        Authentication = 7, "authentication", "AuthenticationError";
        /// 403: the credentials do not permit access to this resource.
        PermissionDenied = 8, "permission_denied", "PermissionDeniedError";
        /// 404 or 410: there is no such resource.
        NotFound = 9, "not_found", "NotFoundError";
        /// 429: too many requests.
        RateLimit = 10, "rate_limit", "RateLimitError";
        /// 5xx: the server failed.
        Server = 11, "server", "ServerError";
        /// JSON could not be decoded: the server's answer is damaged, too long, or not as the vendor's API documents it. The message says which.
        Decode = 12, "decode", "DecodeError";
        /// A webhook was refused; see [`Error::reason`](crate::Error::reason).
        WebhookVerification = 13, "webhook_verification", "WebhookVerificationError";
        /// A sync would remove more users than the guard allows.
        MassRemoval = 14, "mass_removal", "MassRemovalError";
        /// The store of a mirror or of a replay guard failed, or refused the operation; the message says why.
        Store = 15, "store", "StoreError";
        /// The caller cancelled the call.
        Cancelled = 16, "cancelled", "CancelledError";
        /// A defect in headcount itself, such as a panic, which was caught and made an error.
        Internal = 17, "internal", "InternalError";
        /// The changes that a consumer asks for were removed from the feed: start from a snapshot (`start_from_snapshot`).
        HistoryTrimmed = 18, "history_trimmed", "HistoryTrimmedError";
    }
}

impl ErrorKind {
    /// Returns the kind for an HTTP status outside 2xx. The only such table: client, sandbox and bindings use it.
    pub const fn from_http_status(status: u16) -> ErrorKind {
        match status {
            400 | 409 | 412 | 422 => ErrorKind::BadRequest,
            401 => ErrorKind::Authentication,
            403 => ErrorKind::PermissionDenied,
            404 | 410 => ErrorKind::NotFound,
            429 => ErrorKind::RateLimit,
            500..=599 => ErrorKind::Server,
            _ => ErrorKind::Api,
        }
    }
}

named! {
    /// Why a webhook, or the secret to verify it with, was refused.
    Reason {
        /// One of the id, timestamp and signature headers is absent or empty.
        MissingHeader = "missing_header",
        /// The timestamp is not a whole number of seconds in ASCII digits.
        InvalidTimestamp = "invalid_timestamp",
        /// The timestamp lies further in the past than the tolerance.
        TooOld = "too_old",
        /// The timestamp lies further in the future than the tolerance.
        TooNew = "too_new",
        /// No signature matches under any secret.
        NoMatch = "no_match",
        /// The secret is empty, too short or not base64.
        InvalidSecret = "invalid_secret",
        /// The body is larger than the limit.
        BodyTooLarge = "body_too_large",
        /// The body is not an event. If it was verified, its signature is correct.
        MalformedEvent = "malformed_event",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_classes_are_distinct() {
        for names in [
            ErrorKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
            ErrorKind::ALL.iter().map(|kind| kind.class_name()).collect::<Vec<_>>(),
            Reason::ALL.iter().map(|reason| reason.name()).collect::<Vec<_>>(),
        ] {
            let distinct: BTreeSet<_> = names.iter().collect();
            assert_eq!(distinct.len(), names.len(), "{names:?}");
        }
    }

    #[test]
    fn a_kind_is_read_from_its_name() {
        for kind in ErrorKind::ALL {
            assert_eq!(kind.name().parse::<ErrorKind>().unwrap(), *kind);
        }
        let error = "Config".parse::<ErrorKind>().unwrap_err();
        assert!(error.to_string().starts_with("no ErrorKind has this name: expected one of config, "), "{error}");
    }

    #[test]
    fn no_kind_has_the_number_of_success() {
        assert!(ErrorKind::ALL.iter().all(|kind| kind.number() != 0));
    }

    #[test]
    fn http_statuses_have_the_kinds_that_the_documentation_names() {
        for (status, kind) in [
            (302, ErrorKind::Api),
            (400, ErrorKind::BadRequest),
            (401, ErrorKind::Authentication),
            (403, ErrorKind::PermissionDenied),
            (404, ErrorKind::NotFound),
            (408, ErrorKind::Api),
            (409, ErrorKind::BadRequest),
            (410, ErrorKind::NotFound),
            (412, ErrorKind::BadRequest),
            (418, ErrorKind::Api),
            (422, ErrorKind::BadRequest),
            (429, ErrorKind::RateLimit),
            (500, ErrorKind::Server),
            (599, ErrorKind::Server),
        ] {
            assert_eq!(ErrorKind::from_http_status(status), kind, "{status}");
        }
    }
}

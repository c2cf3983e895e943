//! The gRPC status of an error, for programs that were written for the vendor's SDKs, which call the API over gRPC.

use super::{Error, ErrorKind};

impl Error {
    /// Returns the number of the gRPC status that corresponds to the error, or `None` if there is none. If the server answered, the HTTP status
    /// decides; otherwise the kinds `Connection`, `Timeout` and `Cancelled` have a gRPC status.
    ///
    /// The correspondence is that of `google.rpc.Code`, which the vendor's SDKs use. It does not list the HTTP statuses 410, 412, 422 and 502: they
    /// have the gRPC status with the closest meaning.
    pub fn grpc_status(&self) -> Option<u8> {
        match (self.http_status(), self.kind()) {
            (Some(400 | 422), _) => Some(3),                                  // INVALID_ARGUMENT
            (Some(401), _) => Some(16),                                       // UNAUTHENTICATED
            (Some(403), _) => Some(7),                                        // PERMISSION_DENIED
            (Some(404 | 410), _) => Some(5),                                  // NOT_FOUND
            (Some(409), _) => Some(6),                                        // ALREADY_EXISTS
            (Some(412), _) => Some(9),                                        // FAILED_PRECONDITION
            (Some(429), _) => Some(8),                                        // RESOURCE_EXHAUSTED
            (Some(500), _) => Some(13),                                       // INTERNAL
            (Some(501), _) => Some(12),                                       // UNIMPLEMENTED
            (Some(502 | 503), _) | (None, ErrorKind::Connection) => Some(14), // UNAVAILABLE
            (Some(504), _) | (None, ErrorKind::Timeout) => Some(4),           // DEADLINE_EXCEEDED
            (None, ErrorKind::Cancelled) => Some(1),                          // CANCELLED
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_statuses_and_errors_without_an_answer_have_the_grpc_status_of_the_vendors_sdks() {
        for (http, grpc) in
            [(400, 3), (401, 16), (403, 7), (404, 5), (409, 6), (429, 8), (500, 13), (501, 12), (503, 14), (504, 4)]
        {
            assert_eq!(Error::from_http_status(http, None, "").grpc_status(), Some(grpc), "{http}");
        }
        assert_eq!(Error::from_http_status(418, None, "").grpc_status(), None);
        assert_eq!(Error::new(ErrorKind::Connection, "").grpc_status(), Some(14));
        assert_eq!(Error::new(ErrorKind::Timeout, "").grpc_status(), Some(4));
        assert_eq!(Error::new(ErrorKind::Cancelled, "").grpc_status(), Some(1));
        assert_eq!(Error::config("").grpc_status(), None);
    }
}

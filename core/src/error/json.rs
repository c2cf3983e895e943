//! The JSON form of an error, from which every binding makes its exceptions.

use super::{Error, ErrorStatus};
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};
use serde_json::value::RawValue;

/// Serializes all parts of the error, in snake case. A part that the error lacks is `null`.
///
/// `message` is [`Error::message`], without the context. `context` is an object, `details` the server's own JSON, `retry_after` a number of seconds,
/// `temporary` whether the error's status is not [`ErrorStatus::Permanent`]. `directory_id`, `count`, `limit` and
/// `user_ids` are those of [`Error::removals`].
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let removals = self.removals();
        let details = self.details().and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
        let mut parts = serializer.serialize_struct("Error", 16)?;
        parts.serialize_field("kind", self.kind().name())?;
        parts.serialize_field("class", self.kind().class_name())?;
        parts.serialize_field("message", self.message())?;
        parts.serialize_field("context", &Context(self.context()))?;
        parts.serialize_field("reason", &self.reason().map(|reason| reason.name()))?;
        parts.serialize_field("status", &self.http_status())?;
        parts.serialize_field("grpc_status", &self.grpc_status())?;
        parts.serialize_field("code", &self.code())?;
        parts.serialize_field("details", &details)?;
        parts.serialize_field("request_id", &self.request_id())?;
        parts.serialize_field("retry_after", &self.retry_after().map(|wait| wait.as_secs_f64()))?;
        parts.serialize_field("temporary", &(self.status() != ErrorStatus::Permanent))?;
        parts.serialize_field("directory_id", &removals.map(|removals| &removals.directory_id))?;
        parts.serialize_field("count", &removals.map(|removals| removals.count))?;
        parts.serialize_field("limit", &removals.map(|removals| removals.limit))?;
        parts.serialize_field("user_ids", &removals.map(|removals| &removals.user_ids))?;
        parts.end()
    }
}

struct Context<'a>(&'a [(&'static str, String)]);

impl Serialize for Context<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn absent_parts_are_null() {
        let json = serde_json::to_value(Error::config("no url")).unwrap();
        assert_eq!(
            json,
            json!({
                "kind": "config", "class": "ConfigError", "message": "no url", "context": {}, "reason": null,
                "status": null, "grpc_status": null, "code": null, "details": null, "request_id": null, "retry_after": null,
                "temporary": false, "directory_id": null, "count": null, "limit": null, "user_ids": null,
            })
        );
    }

    #[test]
    #[cfg(feature = "client")]
    fn details_are_serialized_as_json() {
        let mut error = Error::from_http_status(404, Some("RESOURCE_NOT_FOUND"), "no such user")
            .with_context("operation", "get user")
            .temporary();
        error.0.answer.details = Some(r#"[{"error_code":"RESOURCE_NOT_FOUND"}]"#.to_owned());
        let text = serde_json::to_string(&error).unwrap();
        assert!(text.contains(r#""details":[{"error_code":"RESOURCE_NOT_FOUND"}]"#), "{text}");
        let json = serde_json::to_value(&error).unwrap();
        assert_eq!(json["class"], "NotFoundError");
        assert_eq!(json["status"], 404);
        assert_eq!(json["code"], "RESOURCE_NOT_FOUND");
        assert_eq!(json["context"], json!({ "operation": "get user" }));
        assert_eq!(json["details"][0]["error_code"], "RESOURCE_NOT_FOUND");
        assert_eq!(json["temporary"], true);
    }

    #[test]
    #[cfg(feature = "mirror")]
    fn held_removals_are_serialized() {
        let removals = crate::Removals {
            directory_id: "dir_1".to_owned(),
            count: 30,
            limit: 20,
            user_ids: vec!["diruser_1".to_owned()],
        };
        let json = serde_json::to_value(Error::mass_removal("too many", removals)).unwrap();
        assert_eq!(json["directory_id"], "dir_1");
        assert_eq!(json["count"], 30);
        assert_eq!(json["limit"], 20);
        assert_eq!(json["user_ids"], json!(["diruser_1"]));
    }
}

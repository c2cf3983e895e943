//! What bindings need to know about records and cannot read from their definitions.
//!
//! [`RECORDS`] lists the records that bindings offer, except those of webhook events ([`crate::events::RECORDS`]). A record in neither list is
//! internal to the core. [`is_personal`] tells which fields must not be in texts for logs.

/// A record that bindings offer.
pub(crate) struct Surface {
    /// Rust's name.
    pub(crate) name: &'static str,
    /// The fields that the record's hash is computed from, in languages whose objects have a hash. Empty: the hash is that of the JSON form.
    pub(crate) key: &'static [&'static str],
}

const fn by_id(name: &'static str) -> Surface {
    Surface { name, key: &["id"] }
}

const fn plain(name: &'static str) -> Surface {
    Surface { name, key: &[] }
}

/// The records and enums of the mirror that are public at the root of the crate `headcount`.
const AT_THE_ROOT: &[&str] = &["Change", "ChangeKind", "MirrorUser"];

/// Returns the public path of a record or enum in the crate `headcount`, such as `mirror::Hold`. `file` is the file that defines it, from the
/// repository's root.
pub(crate) fn path(name: &str, file: &str) -> String {
    let module = match file.trim_start_matches("core/src/").split(['/', '.']).next() {
        Some("error") => "",
        Some("http") => "client::",
        Some("model") => "model::",
        Some("webhook") => "events::",
        _ if AT_THE_ROOT.contains(&name) => "",
        _ => "mirror::",
    };
    format!("{module}{name}")
}

/// The records that bindings offer. Those of webhook events are added by [`crate::events`].
pub(crate) const RECORDS: &[Surface] = &[
    by_id("Organization"),
    plain("OrganizationFields"),
    plain("OrganizationSettings"),
    plain("Feature"),
    by_id("PortalLink"),
    by_id("Directory"),
    plain("DirectoryStats"),
    plain("AttributeMappings"),
    plain("AttributeMapping"),
    plain("RoleAssignments"),
    plain("RoleAssignment"),
    by_id("DirectorySecret"),
    plain("DirectoryToggle"),
    by_id("User"),
    by_id("Group"),
    by_id("MirrorUser"),
    by_id("MirrorGroup"),
    by_id("MirrorDirectory"),
    plain("DirectoryStatus"),
    Surface { name: "Change", key: &["seq"] },
    Surface { name: "HistoryEntry", key: &["seq"] },
    plain("ParkedChange"),
    Surface { name: "Consumer", key: &["name"] },
    by_id("Hold"),
    by_id("Approval"),
    by_id("Retirement"),
    by_id("Erasure"),
    by_id("OrganizationErasure"),
    by_id("PendingEvent"),
    Surface { name: "Run", key: &["id", "directory_id"] },
    by_id("ReceivedEvent"),
    plain("RoleGrant"),
    plain("ExplainedChange"),
    plain("Explanation"),
    plain("CopiedTable"),
    plain("CopyReport"),
    plain("RoleMapEntry"),
    plain("GuardSettings"),
    plain("IgnoredSetting"),
    plain("MirrorSettings"),
    plain("Progress"),
    Surface { name: "SyncReport", key: &["directory_id", "run"] },
    plain("Removals"),
    plain("Activity"),
    plain("Stats"),
    plain("RetryPolicy"),
];

/// The unions that bindings offer.
pub(crate) const UNIONS: &[&str] = &["Mirrored"];

/// Returns the entry of a record, or `None` for a record that is not in [`RECORDS`], such as one of webhook events.
pub(crate) fn of(name: &str) -> Option<&'static Surface> {
    RECORDS.iter().find(|surface| surface.name == name)
}

/// Returns whether a field of a record holds personal data. For a field that holds another record, the fields of that record decide.
pub(crate) fn is_personal(record: &str, field: &str) -> bool {
    match field {
        "email"
        | "emails"
        | "given_name"
        | "family_name"
        | "preferred_username"
        | "nickname"
        | "phone_number"
        | "picture"
        | "profile"
        | "metadata"
        | "detail"
        | "user_detail"
        | "group_detail"
        | "attributes"
        | "custom_attributes"
        | "raw_attributes"
        | "linked_id"
        | "address"
        | "identifier"
        | "gender"
        | "external_identities"
        | "device" => true,
        "name" => matches!(record, "DirectoryUserData" | "UserProfile"),
        // Who decided, and a text in which people may be named.
        "by" | "note" => matches!(record, "Approval" | "Retirement"),
        // The former and new values of a user's fields.
        "before" | "after" => record == "HistoryEntry",
        // May have the name of a person. The text of an explanation leaves it out as well.
        "group_name" => record == "RoleGrant",
        // Names the user's position, such as "last admin".
        "protection" => true,
        "external_id" => record == "UserData",
        // Not personal data, but anyone who has the link can open the admin portal.
        "location" => record == "PortalLink",
        _ => false,
    }
}

//! Which records and enums have a type in C, and the names that do not follow from those in Rust. Names and numbers never change
//! after they were released.

/// A record that has a type in C. A record that is not in [`RECORDS`] can be read in the JSON form of the record that contains it.
pub(super) struct CRecord {
    /// Rust's name.
    pub(super) record: &'static str,
    /// The type's name without `hc_`. The name of every accessor begins with the type's name.
    pub(super) noun: &'static str,
    /// Name of the parameter that takes such an object in its accessors.
    pub(super) parameter: &'static str,
    /// Noun phrase for one such object in documentation, such as "a user".
    pub(super) one: &'static str,
    /// Whether the accessor `hc_noun_json` exists.
    pub(super) json: bool,
    /// The documentation of `hc_noun_free`, or `None` if callers never own such an object.
    pub(super) free: Option<&'static str>,
    /// The list type that holds such objects.
    pub(super) list: Option<CList>,
    /// Noun for the items in the documentation of `hc_noun_page` and `hc_noun_iter`; `None` if these types do not exist.
    pub(super) pages: Option<&'static str>,
    /// Fields whose accessors have another name than the field.
    pub(super) renamed: &'static [(&'static str, &'static str)],
}

/// A list type.
pub(super) struct CList {
    /// The type's name without `hc_`.
    pub(super) noun: &'static str,
    /// Name of the parameter that takes such a list in its functions.
    pub(super) parameter: &'static str,
    /// Noun for the items in documentation, such as "users".
    pub(super) many: &'static str,
}

const EMPTY: CRecord = CRecord {
    record: "",
    noun: "",
    parameter: "",
    one: "",
    json: false,
    free: None,
    list: None,
    pages: None,
    renamed: &[],
};

/// The records that have a type in C.
pub(super) const RECORDS: &[CRecord] = &[
    CRecord {
        record: "Organization",
        noun: "organization",
        parameter: "organization",
        one: "an organization",
        json: true,
        free: Some(
            "Frees an organization that a call gave through an out-parameter, and the texts that came from it. Do not free one that is borrowed from a \
             page or an iterator.",
        ),
        pages: Some("organizations"),
        ..EMPTY
    },
    CRecord {
        record: "PortalLink",
        noun: "portal_link",
        parameter: "link",
        one: "a link",
        free: Some("Frees a link that hc_organization_generate_portal_link gave, and the texts that came from it."),
        ..EMPTY
    },
    CRecord {
        record: "Directory",
        noun: "directory",
        parameter: "directory",
        one: "a directory",
        json: true,
        free: Some(
            "Frees a directory that hc_directory_get or hc_directory_primary gave, and the texts that came from it. Do not free one that is borrowed from \
             a list.",
        ),
        list: Some(CList { noun: "directory_list", parameter: "directories", many: "directories" }),
        renamed: &[("directory_type", "type"), ("directory_provider", "provider"), ("directory_endpoint", "endpoint")],
        ..EMPTY
    },
    CRecord {
        record: "DirectoryToggle",
        noun: "directory_toggle",
        parameter: "toggle",
        one: "a result",
        free: Some("Frees what hc_directory_enable or hc_directory_disable gave, and the texts that came from it."),
        ..EMPTY
    },
    CRecord {
        record: "User",
        noun: "user",
        parameter: "user",
        one: "a user",
        json: true,
        free: Some(
            "Frees a user that a sandbox gave (hc_sandbox_create_user), and the texts that came from it. Do not free one that is borrowed from a page or \
             an iterator.",
        ),
        pages: Some("users"),
        ..EMPTY
    },
    CRecord {
        record: "Group",
        noun: "group",
        parameter: "group",
        one: "a group",
        json: true,
        free: Some(
            "Frees a group that a sandbox gave (hc_sandbox_create_group), and the texts that came from it. Do not free one that is borrowed from a page or \
             an iterator.",
        ),
        pages: Some("groups"),
        ..EMPTY
    },
    CRecord {
        record: "MirrorUser",
        noun: "mirror_user",
        parameter: "user",
        one: "a user",
        json: true,
        free: Some(
            "Frees a user that hc_mirror_user_get gave, and the texts that came from it. Do not free one that is borrowed from a list, a change or an \
             iterator.",
        ),
        list: Some(CList { noun: "mirror_user_list", parameter: "users", many: "users" }),
        ..EMPTY
    },
    CRecord {
        record: "MirrorGroup",
        noun: "mirror_group",
        parameter: "group",
        one: "a group",
        json: true,
        free: Some(
            "Frees a group that hc_mirror_group_get gave, and the texts that came from it. Do not free one that is borrowed from a list or a change.",
        ),
        list: Some(CList { noun: "mirror_group_list", parameter: "groups", many: "groups" }),
        ..EMPTY
    },
    CRecord {
        record: "MirrorDirectory",
        noun: "mirror_directory",
        parameter: "directory",
        one: "a directory",
        list: Some(CList { noun: "mirror_directory_list", parameter: "directories", many: "directories" }),
        renamed: &[("directory_type", "type"), ("directory_provider", "provider")],
        ..EMPTY
    },
    CRecord {
        record: "Hold",
        noun: "hold",
        parameter: "hold",
        one: "a hold",
        list: Some(CList { noun: "hold_list", parameter: "holds", many: "holds" }),
        ..EMPTY
    },
    CRecord {
        record: "Approval",
        noun: "approval",
        parameter: "approval",
        one: "a decision",
        list: Some(CList { noun: "approval_list", parameter: "approvals", many: "decisions" }),
        ..EMPTY
    },
    CRecord {
        record: "Retirement",
        noun: "retirement",
        parameter: "retirement",
        one: "a retirement",
        list: Some(CList { noun: "retirement_list", parameter: "retirements", many: "retirements" }),
        ..EMPTY
    },
    CRecord {
        record: "Erasure",
        noun: "erasure",
        parameter: "erasure",
        one: "an erasure",
        free: Some("Frees an erasure that hc_mirror_erase_user gave, and the texts that came from it."),
        ..EMPTY
    },
    CRecord {
        record: "OrganizationErasure",
        noun: "organization_erasure",
        parameter: "erasure",
        one: "the erasure of an organization",
        free: Some("Frees an erasure that hc_mirror_forget_organization gave, and the texts that came from it."),
        ..EMPTY
    },
    CRecord {
        record: "PendingEvent",
        noun: "pending_event",
        parameter: "event",
        one: "a pending event",
        list: Some(CList { noun: "pending_event_list", parameter: "events", many: "pending events" }),
        ..EMPTY
    },
    CRecord {
        record: "Run",
        noun: "run",
        parameter: "run",
        one: "a sync",
        list: Some(CList { noun: "run_list", parameter: "runs", many: "syncs" }),
        ..EMPTY
    },
    CRecord {
        record: "ReceivedEvent",
        noun: "received_event",
        parameter: "event",
        one: "a received event",
        free: Some(
            "Frees an event that hc_mirror_event gave, and the texts that came from it. Do not free one that belongs to a list.",
        ),
        list: Some(CList { noun: "received_event_list", parameter: "events", many: "received events" }),
        ..EMPTY
    },
    CRecord { record: "CopiedTable", noun: "copied_table", parameter: "table", one: "a table", ..EMPTY },
    CRecord {
        record: "CopyReport",
        noun: "copy_report",
        parameter: "report",
        one: "a report",
        free: Some("Frees a report that hc_mirror_copy_to gave, and what came from it."),
        ..EMPTY
    },
    CRecord {
        record: "RoleMapEntry",
        noun: "role_map_entry",
        parameter: "entry",
        one: "an entry",
        list: Some(CList { noun: "role_map_entry_list", parameter: "entries", many: "entries" }),
        ..EMPTY
    },
    CRecord { record: "GuardSettings", noun: "guard_settings", parameter: "guard", one: "settings", ..EMPTY },
    CRecord { record: "IgnoredSetting", noun: "ignored_setting", parameter: "ignored", one: "a setting", ..EMPTY },
    CRecord {
        record: "MirrorSettings",
        noun: "settings",
        parameter: "settings",
        one: "settings",
        free: Some("Frees settings that hc_mirror_settings gave, and what came from them."),
        ..EMPTY
    },
    CRecord {
        record: "SyncReport",
        noun: "sync_report",
        parameter: "report",
        one: "a report",
        list: Some(CList { noun: "sync_reports", parameter: "reports", many: "reports" }),
        ..EMPTY
    },
    CRecord {
        record: "DirectoryStatus",
        noun: "mirror_directory_status",
        parameter: "status",
        one: "a status",
        list: Some(CList { noun: "mirror_directory_status_list", parameter: "statuses", many: "statuses" }),
        ..EMPTY
    },
    CRecord {
        record: "Change",
        noun: "change",
        parameter: "change",
        one: "a change",
        json: true,
        free: Some(
            "Frees a change that hc_change_iter_next or hc_worker_next gave, and what came from it. Do not free one that is borrowed from a batch or a parked change.",
        ),
        list: Some(CList { noun: "change_batch", parameter: "batch", many: "changes" }),
        ..EMPTY
    },
    CRecord { record: "RoleGrant", noun: "role_grant", parameter: "grant", one: "a role", ..EMPTY },
    CRecord { record: "ExplainedChange", noun: "explained_change", parameter: "change", one: "a change", ..EMPTY },
    CRecord {
        record: "Explanation",
        noun: "explanation",
        parameter: "explanation",
        one: "an explanation",
        json: true,
        free: Some("Frees an explanation that hc_mirror_explain gave, and what came from it."),
        ..EMPTY
    },
    CRecord { record: "HistoryEntry", noun: "history_entry", parameter: "entry", one: "an entry", json: true, ..EMPTY },
    CRecord {
        record: "ParkedChange",
        noun: "parked_change",
        parameter: "parked",
        one: "a parked change",
        list: Some(CList { noun: "parked_list", parameter: "parked", many: "parked changes" }),
        ..EMPTY
    },
    CRecord {
        record: "Consumer",
        noun: "consumer",
        parameter: "consumer",
        one: "a consumer",
        list: Some(CList { noun: "consumer_list", parameter: "consumers", many: "consumers" }),
        ..EMPTY
    },
];

/// Returns the entry of a record, or `None` if it has no type in C.
pub(super) fn of(record: &str) -> Option<&'static CRecord> {
    RECORDS.iter().find(|one| one.record == record)
}

/// An enum that is an enum in C as well. Values of all other enums are texts in C.
pub(super) struct CEnum {
    /// Rust's name.
    pub(super) name: &'static str,
    /// The type's name without `hc_`.
    pub(super) noun: &'static str,
    /// The members' names begin with it.
    pub(super) prefix: &'static str,
    /// The member 0: its name and its documentation.
    pub(super) zero: (&'static str, &'static str),
    /// What `hc_noun_name` returns for the member 0, or `None` for "unknown".
    pub(super) zero_name: Option<&'static str>,
    /// Numbers of members whose Rust definition gives none.
    pub(super) numbers: &'static [(&'static str, i32)],
    /// What is appended to the documentation of the type.
    pub(super) more: &'static str,
}

/// The enums that are enums in C as well.
pub(super) const ENUMS: &[CEnum] = &[
    CEnum {
        name: "ErrorKind",
        noun: "status",
        prefix: "HC_",
        zero: ("HC_OK", "The call succeeded."),
        zero_name: Some("ok"),
        numbers: &[],
        more: "HC_OK is success. Numbers never change. Later versions may add members.",
    },
    CEnum {
        name: "Outcome",
        noun: "outcome",
        prefix: "HC_OUTCOME_",
        zero: ("HC_OUTCOME_NONE", "The call failed: there is no outcome."),
        zero_name: None,
        numbers: &[
            ("Applied", 1),
            ("Duplicate", 2),
            ("Stale", 3),
            ("Pending", 4),
            ("Ignored", 5),
            ("Held", 6),
            ("Foreign", 7),
            ("Erased", 8),
        ],
        more: "Numbers never change. Later versions may add members.",
    },
];

/// An enum whose members are integer constants for a field of an options struct.
pub(super) struct CConstants {
    /// Rust's name.
    pub(super) name: &'static str,
    /// The constants' names begin with it.
    pub(super) prefix: &'static str,
    /// The function that reads a value, in the generated module.
    pub(super) reader: &'static str,
    /// The field of an options struct that takes these constants.
    pub(super) option: &'static str,
    /// Numbers of the members, by variant.
    pub(super) numbers: &'static [(&'static str, i32)],
}

/// The enums whose members are integer constants in C.
pub(super) const CONSTANTS: &[CConstants] = &[
    CConstants {
        name: "SyncMode",
        prefix: "HC_SYNC_",
        reader: "sync_mode",
        option: "hc_sync_options.mode",
        numbers: &[("Auto", 0), ("Full", 1), ("Incremental", 2)],
    },
    CConstants {
        name: "RoleMapKey",
        prefix: "HC_ROLE_BY_",
        reader: "role_map_key",
        option: "hc_role_entry.key",
        numbers: &[("Id", 1), ("Name", 2)],
    },
    CConstants {
        name: "ExportFormat",
        prefix: "HC_EXPORT_",
        reader: "export_format",
        option: "hc_mirror_export_options.format",
        numbers: &[("Csv", 0), ("Ndjson", 1)],
    },
];

/// A record of counters. A function for each counter takes a handle and returns the counter.
pub(super) struct CCounters {
    /// Rust's name of the record.
    pub(super) record: &'static str,
    /// The handle's noun, which is also the name of the parameter that takes the handle.
    pub(super) noun: &'static str,
    /// The path of the handle's type.
    pub(super) handle: &'static str,
    /// The expression that gives the record.
    pub(super) value: &'static str,
}

/// The records whose fields are counters of a handle in C.
pub(super) const COUNTERS: &[CCounters] =
    &[CCounters { record: "Stats", noun: "client", handle: "crate::client::hc_client", value: "client.0.stats()" }];

//! Code that codegen wrote from the definitions in the core. Only this file is written by hand.

mod records;

pub(crate) use records::{
    Approval, Change, Consumer, CopiedTable, CopyReport, Directory, DirectoryStatus, DirectoryToggle, Erasure,
    ExplainedChange, Explanation, Group, GuardSettings, HistoryEntry, Hold, IgnoredSetting, MirrorDirectory,
    MirrorGroup, MirrorSettings, MirrorUser, Organization, OrganizationErasure, ParkedChange, PendingEvent, PortalLink,
    Progress, ReceivedEvent, Retirement, RoleGrant, RoleMapEntry, Run, SyncReport, User,
};

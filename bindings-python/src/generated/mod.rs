//! Code that codegen wrote from the definitions in the core. Only this file is written by hand.

mod records;

pub(crate) use records::{
    Change, Consumer, Directory, DirectoryStatus, DirectoryToggle, Group, Hold, MirrorDirectory, MirrorGroup,
    MirrorUser, Organization, ParkedChange, Progress, SyncReport, User,
};

//! The wire types: what the contract's schemas say, made of plain fields.
//!
//! As in protobuf, which the vendor's API is made with, a text that was not sent is the empty one. Unknown fields are ignored,
//! missing ones and `null` tolerated, and unknown members of an enum kept. What an identity provider sent in its own shape
//! (`user_detail`, `group_detail`) stays raw JSON until somebody reads it.

mod directory;
mod group;
mod json;
mod open_enum;
mod organization;
mod page;
mod user;

pub use directory::{
    AttributeMapping, AttributeMappings, Directory, DirectoryProvider, DirectorySecret, DirectoryStats,
    DirectoryToggle, DirectoryType, RoleAssignment, RoleAssignments, SecretStatus,
};
pub use group::Group;
pub use json::{RawJson, RawJsonRef};
pub use organization::{Feature, Organization, OrganizationFields, OrganizationSettings, RegionCode};
pub use page::Page;
pub use user::User;

pub(crate) use json::{null_is_default, plain_json_error};
#[cfg(feature = "webhook")]
pub(crate) use open_enum::open_enum;
#[cfg(feature = "client")]
pub(crate) use page::total_size;

//! The types of the vendor's API, one for each schema of its OpenAPI document ("the contract", `tests/contract` in the repository).
//!
//! A text that was not sent is empty, as in protobuf, from which the vendor generates its JSON. Unknown fields are ignored. Missing fields and
//! `null` are accepted, except for the `id` of organizations, directories, users and groups. Unknown values of an enum are kept. Data in
//! the identity provider's own format (`user_detail`, `group_detail`) stays raw JSON until it is decoded.
//!
//! The vendor adds fields, so the structs are `non_exhaustive`. Make a value by changing the default, or read it from JSON:
//!
//! ```
//! let mut fields = headcount::model::OrganizationFields::default();
//! fields.external_id = Some("tenant_1".to_owned());
//! ```

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
pub use organization::{Feature, Organization, OrganizationFields, OrganizationSettings, PortalLink, RegionCode};
pub use page::Page;
pub use user::{Groups, User};

pub(crate) use json::{null_is_default, plain_json_error, replace_lone_surrogates};
#[cfg(feature = "webhook")]
pub(crate) use open_enum::open_enum;
#[cfg(feature = "client")]
pub(crate) use page::total_size;

//! An organization: a customer of the application.

use super::null_is_default;
use super::open_enum::open_enum;
use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The contract's `organizationsOrganization`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Organization {
    /// Id, `org_…`.
    pub id: String,
    /// Time of creation, or `None` if not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_time: Option<Timestamp>,
    /// Time of the last change, or `None` if not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_time: Option<Timestamp>,
    /// Display name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub display_name: String,
    /// The application's id of the organization.
    #[serde(default, deserialize_with = "null_is_default")]
    pub external_id: String,
    /// Region in which its data is stored.
    #[serde(default, deserialize_with = "null_is_default")]
    pub region_code: RegionCode,
    /// Short name, for URLs.
    #[serde(default, deserialize_with = "null_is_default")]
    pub slug: String,
    /// URL of the logo.
    #[serde(default, deserialize_with = "null_is_default")]
    pub logo_url: String,
    /// Metadata of the application.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: BTreeMap<String, String>,
    /// Features that are enabled or disabled, or `None` if not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<OrganizationSettings>,
}

/// The fields with which an organization is created or updated; a field that is `None` stays as it is. The contract's
/// `v1organizationsCreateOrganization` and `v1organizationsUpdateOrganization`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganizationFields {
    /// Display name, 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The application's id of the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// URL of the logo: `https`, at most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// Metadata of the application: at most 10 keys of 3 to 25 characters with values of 1 to 256 characters. Replaces the metadata as a
    /// whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
    /// Short name, for URLs: a DNS label or host name. The empty text removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
}

/// The contract's `organizationsOrganizationSettings`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrganizationSettings {
    /// One entry per feature.
    #[serde(default, deserialize_with = "null_is_default")]
    pub features: Vec<Feature>,
}

/// Whether one feature of an organization is enabled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Feature {
    /// Name: `sso`, `dir_sync`, `domain_verification`, …
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// Whether it is enabled.
    #[serde(default, deserialize_with = "null_is_default")]
    pub enabled: bool,
}

open_enum! {
    /// The contract's `commonsRegionCode`.
    RegionCode {
        /// United States.
        Us = "US",
        /// European Union.
        Eu = "EU",
    }
}

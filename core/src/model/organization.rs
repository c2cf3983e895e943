//! An organization: one of the companies that the application is sold to.

use super::null_is_default;
use super::open_enum::open_enum;
use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The contract's `organizationsOrganization`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Organization {
    /// `org_…`.
    pub id: String,
    /// When it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_time: Option<Timestamp>,
    /// When it was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_time: Option<Timestamp>,
    /// What people call it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub display_name: String,
    /// The application's own id for it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub external_id: String,
    /// Where its data lives.
    #[serde(default, deserialize_with = "null_is_default")]
    pub region_code: RegionCode,
    /// Its short name in addresses.
    #[serde(default, deserialize_with = "null_is_default")]
    pub slug: String,
    /// Where its logo is.
    #[serde(default, deserialize_with = "null_is_default")]
    pub logo_url: String,
    /// The application's own keys and values.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: BTreeMap<String, String>,
    /// Which features are on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<OrganizationSettings>,
}

/// What an organization is made with or changed to; what is `None` stays as it is. The contract's `v1organizationsCreateOrganization` and
/// `v1organizationsUpdateOrganization`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganizationFields {
    /// What people call it: 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The application's own id for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Where its logo is: `https`, at most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// The application's own keys (3 to 25 characters) and values (1 to 256): at most 10, in the place of those before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
    /// Its short name in addresses: a DNS label or host name. An empty one removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
}

/// The contract's `organizationsOrganizationSettings`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrganizationSettings {
    /// One entry a feature.
    #[serde(default, deserialize_with = "null_is_default")]
    pub features: Vec<Feature>,
}

/// Whether one feature of an organization is on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Feature {
    /// `sso`, `dir_sync`, `domain_verification`, …
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// On or off.
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

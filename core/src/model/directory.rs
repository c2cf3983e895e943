//! A directory: an organization's Okta, Entra, Google, …, as Scalekit synchronizes it.

use super::null_is_default;
use super::open_enum::open_enum;
use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// A directory of an organization: the schema `directoriesDirectory` of the vendor's API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Directory {
    /// Id, `dir_…`.
    pub id: String,
    /// Display name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// Id of the organization that the directory belongs to.
    #[serde(default, deserialize_with = "null_is_default")]
    pub organization_id: String,
    /// How Scalekit receives the directory's data.
    #[serde(default, deserialize_with = "null_is_default")]
    pub directory_type: DirectoryType,
    /// Product that the organization uses.
    #[serde(default, deserialize_with = "null_is_default")]
    pub directory_provider: DirectoryProvider,
    /// Whether Scalekit synchronizes the directory.
    #[serde(default, deserialize_with = "null_is_default")]
    pub enabled: bool,
    /// State of the directory as the vendor names it, such as `IN_PROGRESS`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub status: String,
    /// Email address of the account whose access is used to poll the provider's API.
    #[serde(default, deserialize_with = "null_is_default")]
    pub email: String,
    /// URL to which the directory sends its changes (SCIM).
    #[serde(default, deserialize_with = "null_is_default")]
    pub directory_endpoint: String,
    /// Which groups are synchronized: `ALL`, or another text for selected groups.
    #[serde(default, deserialize_with = "null_is_default")]
    pub groups_tracked: String,
    /// Number of users.
    #[serde(default, deserialize_with = "null_is_default")]
    pub total_users: u32,
    /// Number of groups.
    #[serde(default, deserialize_with = "null_is_default")]
    pub total_groups: u32,
    /// Time of the last successful synchronization, or `None` if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_synced_at: Option<Timestamp>,
    /// Numbers of users and groups and times of their last changes, or `None` if not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<DirectoryStats>,
    /// Mapping of the directory's attributes to Scalekit's, or `None` if not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute_mappings: Option<AttributeMappings>,
    /// Roles of groups, or `None` if not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_assignments: Option<RoleAssignments>,
    /// Secrets with which the directory authenticates. Only their last characters are known.
    #[serde(default, deserialize_with = "null_is_default")]
    pub secrets: Vec<DirectorySecret>,
}

/// Counts of a directory, and times of its last changes: the schema `directoriesStats` of the vendor's API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DirectoryStats {
    /// Number of users.
    #[serde(default, deserialize_with = "null_is_default")]
    pub total_users: u32,
    /// Number of groups.
    #[serde(default, deserialize_with = "null_is_default")]
    pub total_groups: u32,
    /// Time of the latest change of any user, or `None` if not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_updated_at: Option<Timestamp>,
    /// Time of the latest change of any group, or `None` if not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_updated_at: Option<Timestamp>,
}

/// The attribute mappings of a directory: the schema `directoriesAttributeMappings` of the vendor's API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AttributeMappings {
    /// One entry per attribute.
    #[serde(default, deserialize_with = "null_is_default")]
    pub attributes: Vec<AttributeMapping>,
}

/// The mapping of one attribute: the schema `directoriesAttributeMapping` of the vendor's API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AttributeMapping {
    /// Name of the attribute in the directory.
    #[serde(default, deserialize_with = "null_is_default")]
    pub key: String,
    /// Name of the attribute in Scalekit.
    #[serde(default, deserialize_with = "null_is_default")]
    pub map_to: String,
}

/// The roles that groups of a directory have: the schema `directoriesRoleAssignments` of the vendor's API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RoleAssignments {
    /// One entry per group.
    #[serde(default, deserialize_with = "null_is_default")]
    pub assignments: Vec<RoleAssignment>,
}

/// The role of one group: the schema `directoriesRoleAssignment` of the vendor's API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RoleAssignment {
    /// Id of the group, `dirgroup_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub group_id: String,
    /// Role of the group's members.
    #[serde(default, deserialize_with = "null_is_default")]
    pub role_name: String,
}

/// State and lifetime of a directory's secret, without the secret: the schema `directoriesSecret` of the vendor's API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DirectorySecret {
    /// Id of the secret.
    #[serde(default, deserialize_with = "null_is_default")]
    pub id: String,
    /// Id of the directory that authenticates with the secret.
    #[serde(default, deserialize_with = "null_is_default")]
    pub directory_id: String,
    /// Last characters of the secret, to distinguish it from others.
    #[serde(default, deserialize_with = "null_is_default")]
    pub secret_suffix: String,
    /// Whether the secret can be used.
    #[serde(default, deserialize_with = "null_is_default")]
    pub status: SecretStatus,
    /// Time of creation, or `None` if not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_time: Option<Timestamp>,
    /// Time of expiry, or `None` if it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_time: Option<Timestamp>,
    /// Time of last use, or `None` if it was never used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_time: Option<Timestamp>,
}

/// The result of enabling or disabling a directory: the schema `directoriesToggleDirectoryResponse` of the vendor's API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DirectoryToggle {
    /// Whether the directory is enabled now.
    #[serde(default, deserialize_with = "null_is_default")]
    pub enabled: bool,
    /// Why the directory could not be enabled or disabled, or empty on success.
    #[serde(default, deserialize_with = "null_is_default")]
    pub error_message: String,
}

open_enum! {
    /// How Scalekit receives a directory's data: the schema `directoriesDirectoryType` of the vendor's API.
    DirectoryType {
        /// The directory sends its changes (SCIM).
        Scim = "SCIM",
        /// Scalekit queries an LDAP server.
        Ldap = "LDAP",
        /// Scalekit polls the provider's API.
        Poll = "POLL",
    }
}

open_enum! {
    /// The product that an organization uses as its directory: the schema `directoriesDirectoryProvider` of the vendor's API.
    DirectoryProvider {
        /// Okta.
        Okta = "OKTA",
        /// Google Workspace.
        Google = "GOOGLE",
        /// Microsoft Entra ID.
        MicrosoftAd = "MICROSOFT_AD",
        /// Auth0.
        Auth0 = "AUTH0",
        /// OneLogin.
        OneLogin = "ONELOGIN",
        /// JumpCloud.
        JumpCloud = "JUMPCLOUD",
        /// Ping Identity.
        PingIdentity = "PING_IDENTITY",
    }
}

open_enum! {
    /// Whether a directory's secret can be used: the schema `directoriesSecretStatus` of the vendor's API.
    SecretStatus {
        /// No longer usable.
        Inactive = "INACTIVE",
    }
}

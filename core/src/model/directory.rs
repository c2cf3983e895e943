//! A directory: an organization's Okta, Entra, Google, …, as Scalekit follows it.

use super::null_is_default;
use super::open_enum::open_enum;
use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// The contract's `directoriesDirectory`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Directory {
    /// `dir_…`.
    pub id: String,
    /// What people call it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// The organization it belongs to.
    #[serde(default, deserialize_with = "null_is_default")]
    pub organization_id: String,
    /// How Scalekit follows it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub directory_type: DirectoryType,
    /// Whose product it is.
    #[serde(default, deserialize_with = "null_is_default")]
    pub directory_provider: DirectoryProvider,
    /// Whether Scalekit follows it at present.
    #[serde(default, deserialize_with = "null_is_default")]
    pub enabled: bool,
    /// The vendor's word for its state.
    #[serde(default, deserialize_with = "null_is_default")]
    pub status: String,
    /// The account whose access is used to poll it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub email: String,
    /// Where the directory sends its changes.
    #[serde(default, deserialize_with = "null_is_default")]
    pub directory_endpoint: String,
    /// Whether all groups are followed, or selected ones.
    #[serde(default, deserialize_with = "null_is_default")]
    pub groups_tracked: String,
    /// How many users it has.
    #[serde(default, deserialize_with = "null_is_default")]
    pub total_users: u32,
    /// How many groups it has.
    #[serde(default, deserialize_with = "null_is_default")]
    pub total_groups: u32,
    /// When it was last followed with success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_synced_at: Option<Timestamp>,
    /// Counts and last changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<DirectoryStats>,
    /// Which attribute of the directory becomes which of Scalekit's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute_mappings: Option<AttributeMappings>,
    /// Which group gives which role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_assignments: Option<RoleAssignments>,
    /// The secrets that the directory signs in with: their last characters, never themselves.
    #[serde(default, deserialize_with = "null_is_default")]
    pub secrets: Vec<DirectorySecret>,
}

/// The contract's `directoriesStats`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DirectoryStats {
    /// How many users.
    #[serde(default, deserialize_with = "null_is_default")]
    pub total_users: u32,
    /// How many groups.
    #[serde(default, deserialize_with = "null_is_default")]
    pub total_groups: u32,
    /// The latest change of a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_updated_at: Option<Timestamp>,
    /// The latest change of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_updated_at: Option<Timestamp>,
}

/// The contract's `directoriesAttributeMappings`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AttributeMappings {
    /// One entry an attribute.
    #[serde(default, deserialize_with = "null_is_default")]
    pub attributes: Vec<AttributeMapping>,
}

/// The contract's `directoriesAttributeMapping`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AttributeMapping {
    /// The directory's name for it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub key: String,
    /// Scalekit's.
    #[serde(default, deserialize_with = "null_is_default")]
    pub map_to: String,
}

/// The contract's `directoriesRoleAssignments`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RoleAssignments {
    /// One entry a group.
    #[serde(default, deserialize_with = "null_is_default")]
    pub assignments: Vec<RoleAssignment>,
}

/// The contract's `directoriesRoleAssignment`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RoleAssignment {
    /// `dirgroup_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub group_id: String,
    /// The role its members have.
    #[serde(default, deserialize_with = "null_is_default")]
    pub role_name: String,
}

/// The contract's `directoriesSecret`: a secret's life, not the secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DirectorySecret {
    /// Its id.
    #[serde(default, deserialize_with = "null_is_default")]
    pub id: String,
    /// The directory it opens.
    #[serde(default, deserialize_with = "null_is_default")]
    pub directory_id: String,
    /// Its last characters, to tell it from others.
    #[serde(default, deserialize_with = "null_is_default")]
    pub secret_suffix: String,
    /// Whether it is in use.
    #[serde(default, deserialize_with = "null_is_default")]
    pub status: SecretStatus,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_time: Option<Timestamp>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_time: Option<Timestamp>,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_time: Option<Timestamp>,
}

/// The contract's `directoriesToggleDirectoryResponse`: how switching a directory on or off went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DirectoryToggle {
    /// Whether the directory is on now.
    #[serde(default, deserialize_with = "null_is_default")]
    pub enabled: bool,
    /// What stood in the way, or empty.
    #[serde(default, deserialize_with = "null_is_default")]
    pub error_message: String,
}

open_enum! {
    /// The contract's `directoriesDirectoryType`.
    DirectoryType {
        /// The directory sends its changes.
        Scim = "SCIM",
        /// Scalekit asks an LDAP server.
        Ldap = "LDAP",
        /// Scalekit asks the provider's API.
        Poll = "POLL",
    }
}

open_enum! {
    /// The contract's `directoriesDirectoryProvider`.
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
    /// The contract's `directoriesSecretStatus`.
    SecretStatus {
        /// No longer usable.
        Inactive = "INACTIVE",
    }
}

"""Keeps an application's accounts in step with its customers' directories: Scalekit's Directory API and webhooks.

    client = headcount.Client.from_env()
    directory = client.directory.get_primary_directory_by_organization_id("org_1")
    for user in client.directory.users("org_1", directory.id):
        print(user.email)

    async with headcount.AsyncClient.from_env() as client:
        async for user in client.directory.users("org_1", directory.id):
            print(user.email)

    event = headcount.Webhook().verify(body, headers)

    mirror = headcount.Mirror("headcount.db", client=client)
    mirror.sync("org_1")
    for change in mirror.changes("provisioner"):
        print(change.kind)
        change.ack()
"""

from ._headcount import (
    AsyncChange,
    AsyncChangeIterator,
    AsyncClient,
    AsyncDirectoryClient,
    AsyncGroupIterator,
    AsyncMirror,
    AsyncMirrorUserIterator,
    AsyncOrganizationClient,
    AsyncOrganizationIterator,
    AsyncUserIterator,
    Change,
    ChangeIterator,
    Client,
    Consumer,
    Directory,
    DirectoryClient,
    DirectoryStatus,
    DirectoryToggle,
    Event,
    Group,
    GroupIterator,
    GroupPage,
    Held,
    Mirror,
    MirrorDirectory,
    MirrorGroup,
    MirrorUser,
    MirrorUserIterator,
    Organization,
    OrganizationClient,
    OrganizationIterator,
    OrganizationPage,
    ParkedChange,
    Progress,
    ReplayGuard,
    Sandbox,
    SyncReport,
    User,
    UserIterator,
    UserPage,
    Webhook,
    __version__,
    verify_interceptor_payload,
    verify_webhook_payload,
)
from . import errors
from .errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    CancelledError,
    ConfigError,
    ConnectionError,
    DecodeError,
    Error,
    InternalError,
    InvalidArgumentError,
    MassRemovalError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    StoreError,
    TimeoutError,
    WebhookVerificationError,
)

from .support import AsyncRows, Stats

ScalekitClient = Client
"""The name that the vendor's own SDK has for it."""

# `ConnectionError` and `TimeoutError` are left to be imported by name: `from headcount import *` must not hide Python's own.
__all__ = [
    "ApiError",
    "AsyncChange",
    "AsyncChangeIterator",
    "AsyncClient",
    "AsyncDirectoryClient",
    "AsyncGroupIterator",
    "AsyncMirror",
    "AsyncMirrorUserIterator",
    "AsyncOrganizationClient",
    "AsyncOrganizationIterator",
    "AsyncRows",
    "AsyncUserIterator",
    "AuthenticationError",
    "BadRequestError",
    "CancelledError",
    "Change",
    "ChangeIterator",
    "Client",
    "ConfigError",
    "Consumer",
    "DecodeError",
    "Directory",
    "DirectoryClient",
    "DirectoryStatus",
    "DirectoryToggle",
    "Error",
    "Event",
    "Group",
    "GroupIterator",
    "GroupPage",
    "Held",
    "InternalError",
    "InvalidArgumentError",
    "MassRemovalError",
    "Mirror",
    "MirrorDirectory",
    "MirrorGroup",
    "MirrorUser",
    "MirrorUserIterator",
    "NotFoundError",
    "Organization",
    "OrganizationClient",
    "OrganizationIterator",
    "OrganizationPage",
    "ParkedChange",
    "PermissionDeniedError",
    "Progress",
    "RateLimitError",
    "ReplayGuard",
    "Sandbox",
    "ScalekitClient",
    "ServerError",
    "Stats",
    "StoreError",
    "SyncReport",
    "User",
    "UserIterator",
    "UserPage",
    "Webhook",
    "WebhookVerificationError",
    "__version__",
    "errors",
    "verify_interceptor_payload",
    "verify_webhook_payload",
]

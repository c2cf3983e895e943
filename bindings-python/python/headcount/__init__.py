"""Keeps an application's accounts in step with its customers' directories: Scalekit's Directory API and webhooks.

    client = headcount.Client.from_env()
    directory = client.directory.get_primary_directory_by_organization_id("org_1")
    for user in client.directory.users("org_1", directory.id):
        print(user.email)

    async with headcount.AsyncClient.from_env() as client:
        async for user in client.directory.users("org_1", directory.id):
            print(user.email)

    event = headcount.Webhook().verify(body, headers)
"""

from ._headcount import (
    AsyncClient,
    AsyncDirectoryClient,
    AsyncGroupIterator,
    AsyncOrganizationClient,
    AsyncOrganizationIterator,
    AsyncUserIterator,
    Client,
    Directory,
    DirectoryClient,
    DirectoryToggle,
    Event,
    Group,
    GroupIterator,
    GroupPage,
    Organization,
    OrganizationClient,
    OrganizationIterator,
    OrganizationPage,
    ReplayGuard,
    Sandbox,
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

from .support import Stats

ScalekitClient = Client
"""The name that the vendor's own SDK has for it."""

# `ConnectionError` and `TimeoutError` are left to be imported by name: `from headcount import *` must not hide Python's own.
__all__ = [
    "ApiError",
    "AsyncClient",
    "AsyncDirectoryClient",
    "AsyncGroupIterator",
    "AsyncOrganizationClient",
    "AsyncOrganizationIterator",
    "AsyncUserIterator",
    "AuthenticationError",
    "BadRequestError",
    "CancelledError",
    "Client",
    "ConfigError",
    "DecodeError",
    "Directory",
    "DirectoryClient",
    "DirectoryToggle",
    "Error",
    "Event",
    "Group",
    "GroupIterator",
    "GroupPage",
    "InternalError",
    "InvalidArgumentError",
    "MassRemovalError",
    "NotFoundError",
    "Organization",
    "OrganizationClient",
    "OrganizationIterator",
    "OrganizationPage",
    "PermissionDeniedError",
    "RateLimitError",
    "ReplayGuard",
    "Sandbox",
    "ScalekitClient",
    "ServerError",
    "Stats",
    "StoreError",
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

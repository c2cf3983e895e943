"""What can go wrong, as exceptions: one class for each kind of error, all of them below ``Error``.

Every error tells its ``kind`` and ``message`` (one line, without the context that ``str()`` adds), and the rest where it is
known. ``temporary`` says whether trying again later can help. All of them pickle.
"""

from __future__ import annotations

import builtins

TYPE_CHECKING = False  # typing's own costs as much to import as the rest of the package
if TYPE_CHECKING:
    from typing import Any, Iterable, Mapping, Optional


class Error(Exception):
    """Base of every exception that headcount raises."""

    kind: str = "error"
    """The kind's name, the same in every language."""

    message: str
    """What went wrong, in one line."""

    context: Mapping[str, str]
    """What was being done: the operation, the ids it was for, the attempts it took."""

    reason: Optional[str]
    """Why a webhook or its secret was refused: ``missing_header``, ``too_old``, ``no_match``, ..."""

    status: Optional[int]
    """The HTTP status, where the server answered."""

    code: Optional[str]
    """The vendor's code, such as ``RESOURCE_NOT_FOUND``."""

    request_id: Optional[str]
    """The server's id of the request, for its support desk."""

    retry_after: Optional[float]
    """How many seconds the server asked to be left alone."""

    temporary: bool
    """Whether trying again later can help. The client has tried as often as it may already."""

    def __init__(
        self,
        message: str = "",
        *,
        context: Optional[Mapping[str, str]] = None,
        reason: Optional[str] = None,
        status: Optional[int] = None,
        code: Optional[str] = None,
        details: Optional[str] = None,
        request_id: Optional[str] = None,
        retry_after: Optional[float] = None,
        temporary: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.context = dict(context or {})
        self.reason = reason
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.temporary = temporary
        self._details = details

    @property
    def details(self) -> Any:
        """The ``details`` of the server's answer, decoded, or None."""
        if self._details is None:
            return None
        import json

        return json.loads(self._details)

    def __str__(self) -> str:
        if not self.context:
            return self.message
        return f"{self.message} ({', '.join(f'{name}: {value}' for name, value in self.context.items())})"


class ConfigError(Error):
    """A setting is missing or malformed; the message names it."""

    kind = "config"


class InvalidArgumentError(Error, ValueError):
    """An argument cannot be used as it was given."""

    kind = "invalid_argument"


class ConnectionError(Error, builtins.ConnectionError):
    """The server could not be reached, or the connection broke before the whole answer had come."""

    kind = "connection"


class TimeoutError(Error, builtins.TimeoutError):
    """The deadline passed first."""

    kind = "timeout"


class ApiError(Error):
    """The server refused: see ``status``, ``code``, ``message``, ``details`` and ``request_id``."""

    kind = "api"


class BadRequestError(ApiError):
    """400, 409, 412 or 422: the server refused the request as it stands."""

    kind = "bad_request"


class AuthenticationError(ApiError):
    """401: the client id, the client secret or the token was refused."""

    kind = "authentication"


class PermissionDeniedError(ApiError):
    """403: the credentials do not reach this resource."""

    kind = "permission_denied"


class NotFoundError(ApiError):
    """404 or 410: there is no such resource."""

    kind = "not_found"


class RateLimitError(ApiError):
    """429: too many requests."""

    kind = "rate_limit"


class ServerError(ApiError):
    """5xx: the server failed."""

    kind = "server"


class DecodeError(Error):
    """The server's answer is not what the contract says; the message names the field."""

    kind = "decode"


class WebhookVerificationError(Error):
    """A webhook was refused: ``reason`` says why."""

    kind = "webhook_verification"


class MassRemovalError(Error):
    """A sync would remove more users than the guard allows: nobody was removed, and the mirror keeps the list.

    Look at who they are, and where they are meant sync again with ``approve_removals=True``.
    """

    kind = "mass_removal"

    count: int
    """How many users would be removed."""

    limit: int
    """How many would have been removed without asking."""

    directory_id: str
    """The directory that lacks them."""

    user_ids: tuple[str, ...]
    """Who they are: the first thousand, in the order of their ids. ``mirror.held_removals(directory_id)`` has them all."""

    def __init__(
        self,
        message: str = "",
        *,
        count: int = 0,
        limit: int = 0,
        directory_id: str = "",
        user_ids: Iterable[str] = (),
        **parts: Any,
    ) -> None:
        super().__init__(message, **parts)
        self.count = count
        self.limit = limit
        self.directory_id = directory_id
        self.user_ids = tuple(user_ids)


class StoreError(Error):
    """The local store failed."""

    kind = "store"


class CancelledError(Error):
    """The caller cancelled the call."""

    kind = "cancelled"


class InternalError(Error):
    """A defect in headcount itself. Please report it."""

    kind = "internal"


__all__ = [
    "ApiError",
    "AuthenticationError",
    "BadRequestError",
    "CancelledError",
    "ConfigError",
    "ConnectionError",
    "DecodeError",
    "Error",
    "InternalError",
    "InvalidArgumentError",
    "MassRemovalError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "ServerError",
    "StoreError",
    "TimeoutError",
    "WebhookVerificationError",
]

# Tracebacks say `headcount.NotFoundError`, which is where people import it from.
for _name in __all__:
    globals()[_name].__module__ = "headcount"
del _name

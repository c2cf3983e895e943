"""The base classes of the exceptions in ``headcount.errors``.

This module does not use ``from __future__ import annotations``: the ``__module__`` of the classes is ``headcount``, and postponed annotations would be
resolved in that namespace, which does not have the names of ``typing``.
"""

from typing import Any, ClassVar, Dict, Iterable, Mapping, Optional

_NOTE = "while processing '"


class _ArgumentError(Exception):
    """An exception whose message can be given the name of an argument.

    The native module adds the note ``while processing 'name'`` to an exception that was raised when an argument was converted.
    Such notes are not part of ``str()``, and exceptions before Python 3.11 have none, so these classes put the name in front of
    the message.
    """

    def add_note(self, note: str) -> None:
        """Adds a note (PEP 678). The name of an argument is put in front of the message instead."""
        if note.startswith(_NOTE) and note.endswith("'"):
            self._name_argument(note[len(_NOTE) : -1])
        elif hasattr(super(), "add_note"):
            super().add_note(note)  # type: ignore[misc, unused-ignore]
        else:
            self.__dict__.setdefault("__notes__", []).append(note)

    def _name_argument(self, name: str) -> None:
        self.args = (f"{name}: {self.args[0] if self.args else ''}",)


class ArgumentTypeError(_ArgumentError, TypeError):
    """An argument of the wrong type; the message names it."""


class Error(_ArgumentError):
    """Base class of all exceptions that headcount raises.

    ``str()`` of an error is its ``message`` and its ``context``. Neither contains secrets, tokens or personal data.
    """

    kind: str = "error"
    """Name of the kind of error, the same in every language."""

    message: str
    """What was expected, what was received instead and what to do, in one line."""

    context: Mapping[str, str]
    """The call that failed: the operation, the ids of its objects, the number of attempts."""

    reason: Optional[str]
    """Why a webhook or its secret was refused, such as ``missing_header``, ``too_old`` or ``no_match``; None for other errors."""

    status: Optional[int]
    """HTTP status of the server's answer, or None if there was no answer."""

    grpc_status: Optional[int]
    """Number of the gRPC status that corresponds to the error (``NOT_FOUND`` is 5), or None if none does. For programs
    that were written for the vendor's SDK, whose exceptions have this attribute.
    """

    code: Optional[str]
    """The vendor's error code, such as ``RESOURCE_NOT_FOUND``, or None if the server sent none."""

    request_id: Optional[str]
    """The server's id of the request, for the vendor's support, or None if the server sent none."""

    retry_after: Optional[float]
    """Number of seconds after which the server asked to try again, or None if it did not."""

    temporary: bool
    """Whether the same call may succeed later. The client has used up its own retries already."""

    _by_status: ClassVar[Dict[Optional[int], Any]] = {}

    def __new__(cls, *args: Any, **parts: Any) -> Any:
        # Status 409 has a class of its own in Python, because programs written for the vendor's SDK catch it separately.
        return super().__new__(cls._by_status.get(parts.get("status"), cls), *args)

    def __init__(
        self,
        message: str = "",
        *,
        context: Optional[Mapping[str, str]] = None,
        reason: Optional[str] = None,
        status: Optional[int] = None,
        grpc_status: Optional[int] = None,
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
        self.grpc_status = grpc_status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.temporary = temporary
        self._details = details

    def _name_argument(self, name: str) -> None:
        super()._name_argument(name)
        self.message = self.args[0]

    @property
    def http_status(self) -> Optional[int]:
        """``status``, by the name that the vendor's SDK has for it."""
        return self.status

    @property
    def error_code(self) -> Optional[str]:
        """``code``, by the name that the vendor's SDK has for it."""
        return self.code

    @property
    def details(self) -> Any:
        """The decoded ``details`` of the server's answer, or None if there were none."""
        if self._details is None:
            return None
        import json

        return json.loads(self._details)

    def __str__(self) -> str:
        if not self.context:
            return self.message
        return f"{self.message} ({', '.join(f'{name}: {value}' for name, value in self.context.items())})"


class RemovalsError(Error):
    """Base class of ``MassRemovalError``. No user was removed; the mirror keeps a list of those that would be.

    Check the users. To remove them, call ``sync`` again with ``approve_removals=True``.
    """

    count: int
    """Number of users that would be removed."""

    limit: int
    """Number of users that may be removed without approval."""

    directory_id: str
    """Id of the directory from which they would be removed."""

    user_ids: tuple[str, ...]
    """Ids of the first 1,000 users, sorted. ``mirror.held_removals(directory_id)`` returns all of them."""

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

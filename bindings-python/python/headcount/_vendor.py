"""The exception names of the vendor's SDK, for programs that catch them. ``docs/vendor-sdk.md`` lists which of them differ."""

from .errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    CancelledError,
    Error,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    TimeoutError,
)


class ConflictError(BadRequestError):
    """The server answered 409: the request conflicts with existing data, such as an external id that another organization has."""


ConflictError.__module__ = "headcount"
BadRequestError._by_status = {409: ConflictError}

ScalekitException = Error
ScalekitServerException = ApiError
ScalekitBadRequestException = BadRequestError
ScalekitUnauthorizedException = AuthenticationError
ScalekitForbiddenException = PermissionDeniedError
ScalekitNotFoundException = NotFoundError
ScalekitConflictException = ConflictError
ScalekitTooManyRequestsException = RateLimitError
ScalekitInternalServerException = ServerError
ScalekitNotImplementedException = ServerError
ScalekitServiceUnavailableException = ServerError
ScalekitGatewayTimeoutException = TimeoutError
ScalekitCancelledException = CancelledError

__all__ = [
    "ConflictError",
    "ScalekitBadRequestException",
    "ScalekitCancelledException",
    "ScalekitConflictException",
    "ScalekitException",
    "ScalekitForbiddenException",
    "ScalekitGatewayTimeoutException",
    "ScalekitInternalServerException",
    "ScalekitNotFoundException",
    "ScalekitNotImplementedException",
    "ScalekitServerException",
    "ScalekitServiceUnavailableException",
    "ScalekitTooManyRequestsException",
    "ScalekitUnauthorizedException",
]

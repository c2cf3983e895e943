import { errors } from './errors'

/** A class of the vendor's SDK, for `instanceof`: its instances are this package's errors of that kind. It cannot be constructed. */
export interface VendorErrorClass {
  /** Returns whether the value is an error of this kind. `instanceof` calls it. */
  [Symbol.hasInstance](value: unknown): value is errors.Error
}

/** HTTP status 400, 412 or 422. */
export const ScalekitBadRequestException: VendorErrorClass
/** `errors.CancelledError` under the name of the vendor's SDK. */
export import ScalekitCancelledException = errors.CancelledError
/** HTTP status 409: the request conflicts with what exists. */
export const ScalekitConflictException: VendorErrorClass
/** `errors.Error` under the name of the vendor's SDK. */
export import ScalekitException = errors.Error
/** `errors.PermissionDeniedError` under the name of the vendor's SDK. */
export import ScalekitForbiddenException = errors.PermissionDeniedError
/** HTTP status 504, or a deadline that has passed. */
export const ScalekitGatewayTimeoutException: VendorErrorClass
/** HTTP status 500. */
export const ScalekitInternalServerException: VendorErrorClass
/** `errors.NotFoundError` under the name of the vendor's SDK. */
export import ScalekitNotFoundException = errors.NotFoundError
/** HTTP status 501. */
export const ScalekitNotImplementedException: VendorErrorClass
/** The server refused the call or did not answer it, or the call was cancelled. */
export const ScalekitServerException: VendorErrorClass
/** HTTP status 502 or 503, or a server that cannot be reached. */
export const ScalekitServiceUnavailableException: VendorErrorClass
/** `errors.RateLimitError` under the name of the vendor's SDK. */
export import ScalekitTooManyRequestsException = errors.RateLimitError
/** `errors.AuthenticationError` under the name of the vendor's SDK. */
export import ScalekitUnauthorizedException = errors.AuthenticationError
/** `errors.WebhookVerificationError` under the name of the vendor's SDK. */
export import WebhookVerificationError = errors.WebhookVerificationError

'use strict'
// The error classes of the vendor's SDK, for programs that catch them, and the properties that they read. docs/vendor-sdk.md has the list.

const { errors } = require('./errors.js')

/** Returns a class whose instances, for `instanceof`, are the errors of this package for which `matches` returns true. It cannot be constructed. */
function errorClass(name, matches) {
  const type = {
    [name]: class {
      constructor() {
        throw new TypeError(`${name} is for instanceof only: headcount makes its errors itself`)
      }
    },
  }[name]
  return Object.defineProperty(type, Symbol.hasInstance, { value: (error) => error instanceof errors.Error && matches(error) })
}

/** Returns whether the vendor's SDK reports an error as a gRPC status: answers of the server, and calls that got no answer or were cancelled. */
const isServerError = (error) =>
  error instanceof errors.ApiError || error instanceof errors.ConnectionError || error instanceof errors.TimeoutError || error instanceof errors.CancelledError

const vendor = {
  ScalekitException: errors.Error,
  WebhookVerificationError: errors.WebhookVerificationError,
  ScalekitServerException: errorClass('ScalekitServerException', isServerError),
  ScalekitBadRequestException: errorClass('ScalekitBadRequestException', (error) => error instanceof errors.BadRequestError && error.status !== 409),
  ScalekitUnauthorizedException: errors.AuthenticationError,
  ScalekitForbiddenException: errors.PermissionDeniedError,
  ScalekitNotFoundException: errors.NotFoundError,
  ScalekitConflictException: errorClass('ScalekitConflictException', ({ status }) => status === 409),
  ScalekitTooManyRequestsException: errors.RateLimitError,
  ScalekitInternalServerException: errorClass('ScalekitInternalServerException', ({ status }) => status === 500),
  ScalekitNotImplementedException: errorClass('ScalekitNotImplementedException', ({ status }) => status === 501),
  ScalekitServiceUnavailableException: errorClass(
    'ScalekitServiceUnavailableException',
    (error) => error.status === 502 || error.status === 503 || error instanceof errors.ConnectionError,
  ),
  ScalekitGatewayTimeoutException: errorClass('ScalekitGatewayTimeoutException', (error) => error.status === 504 || error instanceof errors.TimeoutError),
  ScalekitCancelledException: errors.CancelledError,
}

// Accessors of the prototype: they repeat other properties, so they are neither printed nor serialized.
for (const [name, value] of [
  ['httpStatus', (error) => error.status],
  ['errorCode', (error) => error.code ?? null],
]) {
  Object.defineProperty(errors.Error.prototype, name, {
    get() {
      return value(this)
    },
    configurable: true,
  })
}

module.exports = Object.freeze(vendor)

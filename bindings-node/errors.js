'use strict'
// What can go wrong: one class for each kind of error, all of them below `errors.Error`.

class HeadcountError extends Error {
  constructor(message = '', parts = {}) {
    const context = { ...parts.context }
    const said = Object.entries(context).map(([name, value]) => `${name}: ${value}`)
    super(said.length ? `${message} (${said.join(', ')})` : message, parts.cause === undefined ? undefined : { cause: parts.cause })
    this.context = context
    this.temporary = parts.temporary ?? false
    for (const name of ['reason', 'status', 'code', 'details', 'requestId', 'retryAfter', 'directoryId', 'count', 'limit', 'userIds']) {
      if (parts[name] !== undefined && parts[name] !== null) this[name] = parts[name]
    }
  }
}

const errors = { Error: HeadcountError }

function define(name, base = HeadcountError) {
  errors[name] = { [name]: class extends base {} }[name]
  return errors[name]
}

const ApiError = define('ApiError')
for (const name of ['BadRequest', 'Authentication', 'PermissionDenied', 'NotFound', 'RateLimit', 'Server']) {
  define(`${name}Error`, ApiError)
}
for (const name of ['Config', 'InvalidArgument', 'Connection', 'Timeout', 'Decode', 'WebhookVerification']) define(`${name}Error`)
for (const name of ['MassRemoval', 'Store', 'Cancelled', 'Internal']) define(`${name}Error`)

for (const [name, known] of Object.entries(errors)) {
  Object.defineProperty(known.prototype, 'name', { value: name === 'Error' ? 'HeadcountError' : name, configurable: true, writable: true })
}

/** The error that the native half threw as text; anything else is what it is. */
function translate(thrown, cause) {
  let parts
  try {
    parts = JSON.parse(thrown.message)
  } catch {
    return thrown
  }
  const known = errors[parts?.class]
  if (!known) return thrown
  const error = new known(parts.message, { ...parts, cause })
  Error.captureStackTrace?.(error, translate)
  return error
}

/** Runs a native call that does not wait. */
function now(call) {
  try {
    return call()
  } catch (thrown) {
    throw translate(thrown)
  }
}

module.exports = { errors: Object.freeze(errors), translate, now }

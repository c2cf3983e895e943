'use strict'
// Error classes: one for each kind of error, all of them subclasses of `errors.Error`.

const classes = require('./error-classes.js')

class HeadcountError extends Error {
  /** `parts` are those of the core's JSON form of an error; parts that are null are left out. */
  constructor(message = '', parts = {}) {
    const context = { ...parts.context }
    const pairs = Object.entries(context).map(([name, value]) => `${name}: ${value}`)
    super(pairs.length ? `${message} (${pairs.join(', ')})` : message, parts.cause === undefined ? undefined : { cause: parts.cause })
    this.context = context
    this.temporary = parts.temporary ?? false
    for (const name of ['reason', 'status', 'code', 'details', 'requestId', 'retryAfter', 'directoryId', 'count', 'limit', 'userIds']) {
      if (parts[name] !== undefined && parts[name] !== null) this[name] = parts[name]
    }
  }
}

const errors = { Error: HeadcountError }
for (const [name, base] of Object.entries(classes)) errors[name] = { [name]: class extends errors[base] {} }[name]
for (const [name, type] of Object.entries(errors)) {
  Object.defineProperty(type.prototype, 'name', { value: name === 'Error' ? 'HeadcountError' : name, configurable: true, writable: true })
}

/** Makes an instance of the class that `parts.class` names. */
function errorOf(parts, cause) {
  return new errors[parts.class](parts.message, { ...parts, cause })
}

/** Converts an error that the addon threw, whose message is the JSON of its parts. Returns any other error as it is. */
function translate(thrown, cause) {
  let parts
  try {
    parts = JSON.parse(thrown.message)
  } catch {
    return thrown
  }
  if (!Object.hasOwn(errors, parts?.class)) return thrown
  const error = errorOf(parts, cause)
  Error.captureStackTrace?.(error, translate)
  return error
}

/** Runs a synchronous call of the addon and converts the error that it throws. */
function rethrow(call) {
  try {
    return call()
  } catch (thrown) {
    throw translate(thrown)
  }
}

module.exports = { errors: Object.freeze(errors), errorOf, rethrow, translate }

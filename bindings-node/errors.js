'use strict'
// Error classes: one for each kind of error, all of them subclasses of `errors.Error`.

const classes = require('./error-classes.js')
const { parse } = require('./parse.js')

/** Properties that an error has only if the core's error has them. */
const OPTIONAL = ['reason', 'status', 'grpcStatus', 'code', 'details', 'requestId', 'retryAfter', 'directoryId', 'count', 'limit', 'userIds']

class HeadcountError extends Error {
  /** `parts` has the fields of the core's JSON form of an error, and the cause. Fields that are null are left out. */
  constructor(message = '', parts = {}) {
    const context = { ...parts.context }
    const pairs = Object.entries(context).map(([name, value]) => `${name}: ${value}`)
    super(pairs.length ? `${message} (${pairs.join(', ')})` : message, parts.cause === undefined ? undefined : { cause: parts.cause })
    const kind = parts.kind ?? kindOf(this)
    if (kind !== undefined) this.kind = kind
    this.context = context
    this.temporary = parts.temporary ?? false
    for (const name of OPTIONAL) {
      if (parts[name] !== undefined && parts[name] !== null) this[name] = parts[name]
    }
  }

  /** Returns everything but the stack and the cause, for `JSON.stringify`, which would leave out the name and the message. */
  toJSON() {
    return { name: this.name, message: this.message, ...this }
  }
}

const errors = { Error: HeadcountError }
for (const [name, { base }] of Object.entries(classes)) errors[name] = { [name]: class extends errors[base] {} }[name]
for (const [name, type] of Object.entries(errors)) {
  Object.defineProperty(type.prototype, 'name', { value: name === 'Error' ? 'HeadcountError' : name, configurable: true, writable: true })
}

/** Returns the kind of an error's class, or of the nearest base class that has a kind. Undefined if none has. */
function kindOf(error) {
  for (let type = error.constructor; type !== HeadcountError && typeof type === 'function'; type = Object.getPrototypeOf(type)) {
    if (Object.hasOwn(classes, type.name) && errors[type.name] === type) return classes[type.name].kind
  }
  return undefined
}

/** Makes an instance of the class that `parts.class` names. */
function errorOf(parts, cause) {
  return new errors[parts.class](parts.message, { ...parts, cause })
}

/** Returns an object whose `stack` begins with the caller of the function `above`, for an error that is made later. */
function captureStack(above) {
  const holder = {}
  Error.captureStackTrace?.(holder, above)
  return holder
}

/** Gives an error the stack that `captureStack` returned. */
function setStack(error, { stack }) {
  if (typeof stack !== 'string') return
  // The first line has the name and the message of the object that `captureStack` made, instead of the error's.
  const frames = stack.slice(stack.indexOf('\n') + 1)
  Object.defineProperty(error, 'stack', { value: `${error.name}: ${error.message}\n${frames}`, configurable: true, writable: true })
}

/**
 * Converts an error that the addon threw, whose message is the JSON of its parts. Returns any other error as it is. `stack` is the stack of the call,
 * from `captureStack`.
 */
function translate(thrown, { cause, stack } = {}) {
  let parts
  try {
    parts = parse(thrown.message)
  } catch {
    return thrown
  }
  if (!Object.hasOwn(errors, parts?.class)) return thrown
  const error = errorOf(parts, cause)
  if (stack !== undefined) setStack(error, stack)
  else Error.captureStackTrace?.(error, translate)
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

module.exports = { captureStack, errors: Object.freeze(errors), errorOf, rethrow, translate }

'use strict'
// Checks and converts arguments for the addon. Refuses values that the conversion would change, such as NaN, which JSON writes as null.

const { errors } = require('./errors.js')

/** Checks a deadline in milliseconds. */
function timeout(timeoutMs) {
  if (timeoutMs !== undefined && typeof timeoutMs !== 'number') {
    throw new errors.InvalidArgumentError(`timeoutMs is a ${typeof timeoutMs}: expected a number of milliseconds`)
  }
  return timeoutMs
}

/**
 * Returns options as JSON, without those in `separate`, which go to the addon as arguments of their own. Refuses numbers and dates that are not
 * finite: JSON would make null of them, and a filter would be ignored.
 */
function json(options = {}, separate = ['signal', 'timeoutMs']) {
  if (options === null || typeof options !== 'object') throw new errors.InvalidArgumentError('the options are not an object')
  const given = {}
  for (const [name, value] of Object.entries(options)) {
    if (separate.includes(name)) continue
    const number = value instanceof Date ? value.getTime() : value
    if (typeof number === 'number' && !Number.isFinite(number)) {
      throw new errors.InvalidArgumentError(`the option ${name} is ${value}: expected a valid ${value instanceof Date ? 'date' : 'number'}`)
    }
    given[name] = value
  }
  return JSON.stringify(given)
}

/** Checks that a value is a string. `name` names it in the error. */
function text(name, value) {
  if (typeof value !== 'string') throw new errors.InvalidArgumentError(`${name} is ${value === null || value === undefined ? value : `a ${typeof value}`}: expected text`)
  return value
}

/** Checks that a value is a number. */
function number(name, value) {
  if (typeof value !== 'number') throw new errors.InvalidArgumentError(`${name} is ${value === null || value === undefined ? value : `a ${typeof value}`}: expected a number`)
  return value
}

/** Returns the bytes of a request's body, or undefined if it is neither bytes nor a string. */
function bytes(body) {
  if (body instanceof Uint8Array) return body
  if (typeof body === 'string') return Buffer.from(body)
  if (body instanceof ArrayBuffer) return new Uint8Array(body)
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  return undefined
}

/** Returns the Unix seconds of a Date, or the number. */
const seconds = (time) => (time instanceof Date ? Math.floor(time.getTime() / 1000) : time)

module.exports = { bytes, json, number, seconds, text, timeout }

'use strict'
// Arguments as the native half reads them. What it could not tell from something else is refused here.

const { errors } = require('./errors.js')

function timeout(timeoutMs) {
  if (timeoutMs !== undefined && typeof timeoutMs !== 'number') {
    throw new errors.InvalidArgumentError(`timeoutMs is a ${typeof timeoutMs}: expected a number of milliseconds`)
  }
  return timeoutMs
}

/** Options as the native half reads them. JSON would make null of what it cannot say, and a filter would be lost. `apart`: what goes its own way. */
function json(options = {}, apart = ['signal', 'timeoutMs']) {
  if (options === null || typeof options !== 'object') throw new errors.InvalidArgumentError('the options are not an object')
  const said = {}
  for (const [name, value] of Object.entries(options)) {
    if (apart.includes(name)) continue
    const number = value instanceof Date ? value.getTime() : value
    if (typeof number === 'number' && !Number.isFinite(number)) {
      throw new errors.InvalidArgumentError(`the option ${name} is ${value}: expected a real ${value instanceof Date ? 'date' : 'number'}`)
    }
    said[name] = value
  }
  return JSON.stringify(said)
}

function text(name, value) {
  if (typeof value !== 'string') throw new errors.InvalidArgumentError(`${name} is ${value === null || value === undefined ? value : `a ${typeof value}`}: expected text`)
  return value
}

function number(name, value) {
  if (typeof value !== 'number') throw new errors.InvalidArgumentError(`${name} is ${value === null || value === undefined ? value : `a ${typeof value}`}: expected a number`)
  return value
}

/** The bytes of a request's body, or undefined where it is something else than bytes or text. */
function bytes(body) {
  if (body instanceof Uint8Array) return body
  if (typeof body === 'string') return Buffer.from(body)
  if (body instanceof ArrayBuffer) return new Uint8Array(body)
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  return undefined
}

module.exports = { bytes, json, number, text, timeout }

'use strict'
// What Node's frameworks call headers: an object (whose values may be lists), Headers, a Map, pairs, or Node's own rawHeaders.

const { errors } = require('./errors.js')

/** Gives a function that makes a flat list of names and values of those headers that `names` has. */
function reader(names) {
  const wanted = new Set(names)
  // Most names are too long or too short to be one of them: that costs nothing to see.
  const lengths = Array.from({ length: Math.max(...names.map((name) => name.length)) + 1 }, (_, length) => names.some((name) => name.length === length))
  const isWanted = (name) => lengths[name.length] === true && (wanted.has(name) || wanted.has(name.toLowerCase()))

  function add(found, name, value) {
    if (typeof value === 'string') found.push(name, value)
    else if (Array.isArray(value)) for (const one of value) add(found, name, one)
    else if (value instanceof Uint8Array) found.push(name, Buffer.from(value).toString('latin1'))
    else if (value !== undefined && value !== null) {
      throw new errors.InvalidArgumentError(`the header ${name} is a ${typeof value}: expected text, as it came with the request`)
    }
  }

  function read(headers) {
    const found = []
    if (headers === null || typeof headers !== 'object') {
      throw new errors.InvalidArgumentError("the headers are missing: pass the request's headers (an object, Headers, a Map or pairs)")
    }
    if (Array.isArray(headers) && typeof headers[0] === 'string') {
      for (let at = 0; at + 1 < headers.length; at += 2) if (isWanted(headers[at])) add(found, headers[at], headers[at + 1])
    } else if (typeof headers[Symbol.iterator] === 'function') {
      for (const pair of headers) {
        if (!Array.isArray(pair) || typeof pair[0] !== 'string') {
          throw new errors.InvalidArgumentError('the headers are a list, but not of [name, value] pairs')
        }
        if (isWanted(pair[0])) add(found, pair[0], pair[1])
      }
    } else {
      for (const name in headers) if (isWanted(name)) add(found, name, headers[name])
    }
    return found
  }

  return { read, isWanted }
}

module.exports = { reader }

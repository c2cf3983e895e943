'use strict'
// Reads headers in every form in which Node and its frameworks have them: an object (whose values may be lists), Headers, a Map, pairs, or rawHeaders.

const { isUint8Array } = require('node:util/types')
const { kindOf } = require('./arguments.js')
const { errors } = require('./errors.js')

/**
 * Makes functions for the headers called `names`: `read` returns those of a request as a flat list in which names and values alternate, and
 * `isWanted` whether a name is one of them; upper and lower case are not distinguished.
 */
function reader(names) {
  const wanted = new Set(names)
  // The lengths are compared first, which is fast: most other headers have names of other lengths.
  const lengths = Array.from({ length: Math.max(...names.map((name) => name.length)) + 1 }, (_, length) => names.some((name) => name.length === length))
  const isWanted = (name) => lengths[name.length] === true && (wanted.has(name) || wanted.has(name.toLowerCase()))

  function add(found, name, value) {
    if (typeof value === 'string') found.push(name, value)
    else if (Array.isArray(value)) for (const one of value) add(found, name, one)
    else if (isUint8Array(value)) found.push(name, Buffer.from(value).toString('latin1'))
    else if (value !== undefined && value !== null) {
      throw new errors.InvalidArgumentError(`the header ${name} is a ${typeof value}: expected a string, as in the request`)
    }
  }

  function read(headers) {
    const found = []
    if (headers === null || headers === undefined) {
      throw new errors.InvalidArgumentError("the headers are missing: pass the request's headers (an object, Headers, a Map or pairs)")
    }
    if (typeof headers !== 'object' || typeof headers.then === 'function') {
      throw new errors.InvalidArgumentError(`the headers are ${kindOf(headers)}: expected the request's headers (an object, Headers, a Map or pairs)`)
    }
    if (Array.isArray(headers) && typeof headers[0] === 'string') {
      for (let at = 0; at + 1 < headers.length; at += 2) if (isWanted(headers[at])) add(found, headers[at], headers[at + 1])
    } else if (typeof headers[Symbol.iterator] === 'function') {
      for (const pair of headers) {
        if (!Array.isArray(pair) || typeof pair[0] !== 'string') {
          throw new errors.InvalidArgumentError('the headers have an item that is not a pair: expected [name, value] pairs')
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

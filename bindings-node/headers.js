'use strict'
// What Node's frameworks call headers: an object (whose values may be lists), Headers, a Map, pairs, or Node's own rawHeaders.

const { errors } = require('./errors.js')

/** Gives a function that makes a flat list of names and values of those headers that `names` has. */
function reader(names) {
  const wanted = new Set(names)
  const longest = Math.max(...names.map((name) => name.length))
  const isWanted = (name) => wanted.has(name) || (name.length <= longest && wanted.has(name.toLowerCase()))

  function add(found, name, value) {
    if (typeof value === 'string') found.push(name, value)
    else if (Array.isArray(value)) for (const one of value) add(found, name, one)
    else if (value instanceof Uint8Array) found.push(name, Buffer.from(value).toString('latin1'))
    else if (value !== undefined && value !== null) {
      throw new errors.InvalidArgumentError(`the header ${name} is a ${typeof value}: expected text, as it came with the request`)
    }
  }

  return function read(headers) {
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
}

module.exports = { reader }

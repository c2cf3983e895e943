'use strict'
// Checks and converts arguments for the addon. Refuses values that the conversion would change, such as NaN, which JSON writes as null.
//
// Values may come from another realm (a test runner's, a `vm` context's), whose classes are not those of this file, so `instanceof` is not used.

const { isAnyArrayBuffer, isDate, isMap, isPromise, isUint8Array } = require('node:util/types')
const { errors } = require('./errors.js')

/** Describes a value for an error, by its type. */
function kindOf(value) {
  if (value === null || value === undefined) return String(value)
  if (typeof value !== 'object') return `a ${typeof value}`
  if (isPromise(value) || typeof value.then === 'function') return 'a promise (await it first)'
  if (Array.isArray(value)) return 'a list'
  return isDate(value) ? 'a Date' : isMap(value) ? 'a Map' : 'an object'
}

const unexpected = (name, value, expected) => new errors.InvalidArgumentError(`${name} is ${kindOf(value)}: expected ${expected}`)

/** Checks a deadline in milliseconds, and returns it. Returns undefined if there is none. */
function timeout(timeoutMs) {
  if (timeoutMs !== undefined && timeoutMs !== null && typeof timeoutMs !== 'number') throw unexpected('timeoutMs', timeoutMs, 'a number of milliseconds')
  return timeoutMs ?? undefined
}

/** Checks the option `signal`, and returns it. Returns undefined if there is none. */
function signalOf(options) {
  const signal = options?.signal ?? undefined
  if (signal === undefined) return undefined
  if (typeof signal.aborted !== 'boolean' || typeof signal.addEventListener !== 'function') throw unexpected('signal', signal, 'an AbortSignal')
  return signal
}

/** Checks that a value is a function, and returns it. Returns undefined if there is none. `name` names the value in the error. */
function callback(name, value) {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'function') throw unexpected(name, value, 'a function')
  return value
}

/**
 * Checks that a value is a plain object of options or fields, and not for example a Map or a promise, of which JSON would make an empty object. Returns an
 * empty object for null and undefined. `name` names the value in the error.
 */
function plain(name, value) {
  if (value === undefined || value === null) return {}
  const isOther = typeof value !== 'object' || isDate(value) || isAnyArrayBuffer(value) || ArrayBuffer.isView(value)
  if (isOther || typeof value.then === 'function' || typeof value[Symbol.iterator] === 'function') throw unexpected(name, value, 'an object')
  return value
}

/**
 * Returns options as JSON, without those in `separate`, which are passed to the addon as arguments of their own. Refuses numbers and dates that are not
 * finite: JSON would make null of them, and a filter would be ignored. `what` names the argument in the error.
 */
function json(options, separate = ['signal', 'timeoutMs'], what = 'the argument with the options') {
  const given = {}
  for (const [name, value] of Object.entries(plain(what, options))) {
    if (separate.includes(name)) continue
    const number = isDate(value) ? Number(value) : value
    if (typeof number === 'number' && !Number.isFinite(number)) {
      throw new errors.InvalidArgumentError(`the option ${name} is ${number}: expected a valid ${isDate(value) ? 'date' : 'number'}`)
    }
    if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') throw unexpected(`the option ${name}`, value, 'a value of its type')
    if (value !== null && typeof value === 'object' && (isMap(value) || typeof value.then === 'function')) {
      throw unexpected(`the option ${name}`, value, 'a value of its type')
    }
    given[name] = value
  }
  try {
    return JSON.stringify(given)
  } catch (error) {
    // Throws an error that names the option, if one is nested too deeply.
    Object.entries(given).forEach(([name, value]) => stringify(`the option ${name}`, value))
    throw error
  }
}

/** Returns a value as JSON. `name` names it in the error for a value that is nested too deeply. */
function stringify(name, value) {
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (error?.name !== 'RangeError') throw error
    throw new errors.InvalidArgumentError(`${name} is nested too deeply`, { cause: error })
  }
}

/** Checks that a value is a string, and returns it. `name` names it in the error. */
function text(name, value) {
  if (typeof value !== 'string') throw unexpected(name, value, 'text')
  return value
}

/** Checks that a value is a number, and returns it. `name` names it in the error. */
function number(name, value) {
  if (typeof value !== 'number') throw unexpected(name, value, 'a number')
  return value
}

/** Returns the webhook secrets as a list, or undefined if there are none. */
function secretsOf(secrets) {
  if (secrets === undefined || secrets === null) return undefined
  const list = Array.isArray(secrets) ? secrets : [secrets]
  list.forEach((secret) => text('the webhook secret', secret))
  return list
}

/** Returns the bytes of a request's body, or undefined if it is neither bytes nor a string. */
function bytes(body) {
  if (isUint8Array(body)) return body
  if (typeof body === 'string') return Buffer.from(body)
  if (isAnyArrayBuffer(body)) return new Uint8Array(body)
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  return undefined
}

/** Returns the Unix seconds of a Date, or the number itself. Returns undefined if there is none. `name` names the time in the error. */
function seconds(time, name = 'now') {
  if (time === undefined || time === null) return undefined
  if (isDate(time)) return Math.floor(Number(time) / 1000)
  return typeof time === 'number' ? time : number(name, time)
}

/** Checks that all options are in the list `known`, and returns them: an empty object for null and undefined. `what` names the argument in the error. */
function knownOnly(known, options, what = 'the argument with the options') {
  const given = plain(what, options)
  const unknown = Object.keys(given).filter((name) => !known.includes(name))
  if (unknown.length > 0) throw new errors.InvalidArgumentError(`the option ${unknown.join(', ')} is unknown: expected ${known.join(', ')}`)
  return given
}

/** Returns whether a value is a list of two strings. */
const isPair = (pair) => Array.isArray(pair) && pair.length === 2 && pair.every((one) => typeof one === 'string')

/** Converts an entry of the role map, a pair of strings or an object, to the form that the addon reads. `index` is its position, for errors. */
function roleEntry(entry, index) {
  const refuse = (what) => new errors.InvalidArgumentError(`the role map cannot be read: entry ${index} ${what}`)
  if (isPair(entry)) return { group: entry[0], role: entry[1] }
  if (entry === null || typeof entry !== 'object' || Array.isArray(entry)) throw refuse(`is ${kindOf(entry)}: expected [group, role] of strings, or an object with group and role`)
  const { key, group, role, organizationId, ...others } = entry
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw refuse(`has a field that is not known, ${unknown}: expected key, group, role, organizationId`)
  if (key !== undefined && key !== 'id' && key !== 'name') throw refuse("has a key that is not known: expected 'id' or 'name'")
  if (typeof group !== 'string') throw refuse(`has the group ${kindOf(group)}: expected text`)
  if (typeof role !== 'string') throw refuse(`has the role ${kindOf(role)}: expected text`)
  if (organizationId !== undefined && organizationId !== null && typeof organizationId !== 'string') {
    throw refuse(`has the organizationId ${kindOf(organizationId)}: expected text`)
  }
  return { key, group, role, organizationId }
}

/** Converts a role map to the list that the addon reads, from an iterable of pairs and objects, such as a list or a Map, or from an object of group to role. */
function roleEntries(map) {
  const expected = '[group, role] pairs of strings and entries: a list, a Map or another iterable, or an object with a role for each group'
  if (map === null || typeof map !== 'object') throw unexpected('the role map', map, expected)
  if (typeof map[Symbol.iterator] === 'function') {
    const iterator = map[Symbol.iterator]()
    const entries = [...{ [Symbol.iterator]: () => iterator }]
    // An iterator can be read once. One that was read before would remove all roles.
    if (iterator === map && entries.length === 0) throw new errors.InvalidArgumentError('the role map is an iterator without pairs: it was read before; pass [] to remove all roles')
    return entries.map(roleEntry)
  }
  // The prototype of a plain object has no prototype, in any realm. Other objects, such as promises and async iterators, have no entries.
  const prototype = Object.getPrototypeOf(map)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) throw unexpected('the role map', map, expected)
  return Object.entries(map).map(roleEntry)
}

module.exports = { bytes, callback, json, kindOf, knownOnly, number, roleEntries, plain, seconds, secretsOf, signalOf, stringify, text, timeout }

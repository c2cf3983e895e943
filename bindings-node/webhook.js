'use strict'
// Verifying and signing webhooks, over the calls of the addon.

const { isUint8Array } = require('node:util/types')
const { bytes, json, kindOf, knownOnly, seconds, secretsOf, text } = require('./arguments.js')
const { errors, rethrow, translate } = require('./errors.js')
const native = require('./native.js').load()
const { parse } = require('./parse.js')
const { variables } = require('./settings.js')
const { read: readHeaders, isWanted: isWebhookHeader } = require('./headers.js').reader(native.webhookHeaders().flat())

/** Returns the bytes of a body, or the compact JSON of a body that a framework has parsed. */
function bodyOf(body) {
  const raw = bytes(body)
  if (raw !== undefined) return raw
  if (body !== null && typeof body === 'object' && typeof body.then !== 'function') {
    try {
      return JSON.stringify(body)
    } catch (error) {
      if (error?.name !== 'RangeError') throw error
      const message = 'no signature matches the body as it was parsed: it is nested too deeply to be serialized again; pass the raw body'
      throw new errors.WebhookVerificationError(message, { reason: 'no_match', cause: error })
    }
  }
  throw new errors.InvalidArgumentError(`the body is ${kindOf(body)}: expected the request's bytes or text`)
}

const [[ID, TIMESTAMP, SIGNATURE]] = native.webhookHeaders()

/**
 * Returns the values of the three `webhook-*` headers, one on each line: nearly every request has these webhook headers and no others, and one string
 * is passed to the addon faster than a list.
 *
 * Returns undefined if there are other webhook headers, if one is repeated or not in lower case, if the headers are not an object of strings
 * or Node's rawHeaders, and if the body is not a Uint8Array. The addon returns null if a value is not ASCII or contains a line break. In these cases
 * the caller passes all webhook headers as a list.
 */
function standardHeadersOf(headers, body) {
  if (headers === null || typeof headers !== 'object' || !isUint8Array(body)) return undefined
  let id, timestamp, signature
  if (Array.isArray(headers)) {
    for (let at = 1; at < headers.length; at += 2) {
      const name = headers[at - 1]
      if (name === ID && id === undefined) id = headers[at]
      else if (name === TIMESTAMP && timestamp === undefined) timestamp = headers[at]
      else if (name === SIGNATURE && signature === undefined) signature = headers[at]
      else if (typeof name !== 'string' || isWebhookHeader(name)) return undefined
    }
  } else if (headers[Symbol.iterator] === undefined) {
    for (const name in headers) {
      if (name === ID) id = headers[name]
      else if (name === TIMESTAMP) timestamp = headers[name]
      else if (name === SIGNATURE) signature = headers[name]
      else if (isWebhookHeader(name)) return undefined
    }
  }
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signature !== 'string') return undefined
  return `${id}\n${timestamp}\n${signature}`
}

/**
 * The symbol of the method with which Node's `util.inspect` prints an object. Each event has such a method of its own, and the properties of that
 * function are the JSON and the parsed value of the event's data. They are not properties of the event, because then they would be enumerated with
 * it, and not private fields, because a Proxy of the event could not read those.
 */
const INSPECT = Symbol.for('nodejs.util.inspect.custom')

/** Descriptor of the property `data`. All events share its two functions: V8 stores objects whose accessors differ in a slower form. */
const DATA = {
  get() {
    const holder = this[INSPECT]
    if (holder.unread !== undefined) {
      holder.data = parse(holder.unread)
      holder.unread = undefined
    }
    return holder.data
  },
  set(data) {
    const holder = this[INSPECT]
    holder.unread = undefined
    holder.data = data
  },
  enumerable: true,
  configurable: true,
}

/**
 * Decodes a verified event. Its data is parsed when it is first read, because most programs use few types of events and parsing is most of
 * the work. `data` is copied, compared and printed with the event like any other property.
 */
function eventOf(encoded) {
  let id, messageId, type, occurredAt, environmentId, organizationId, object, displayName, specVersion, unread
  if (encoded.charCodeAt(0) === 0) {
    ;[id, messageId, type, occurredAt, environmentId, organizationId, object, displayName, specVersion, unread] = JSON.parse(encoded.slice(1))
  } else {
    // The first nine characters are the lengths of the fields.
    let at = 9
    id = encoded.slice(at, (at += encoded.charCodeAt(0)))
    messageId = encoded.slice(at, (at += encoded.charCodeAt(1)))
    type = encoded.slice(at, (at += encoded.charCodeAt(2)))
    occurredAt = encoded.slice(at, (at += encoded.charCodeAt(3)))
    environmentId = encoded.slice(at, (at += encoded.charCodeAt(4)))
    organizationId = encoded.slice(at, (at += encoded.charCodeAt(5)))
    object = encoded.slice(at, (at += encoded.charCodeAt(6)))
    displayName = encoded.slice(at, (at += encoded.charCodeAt(7)))
    specVersion = encoded.slice(at, (at += encoded.charCodeAt(8)))
    unread = encoded.slice(at)
  }
  const event = { id, messageId, type, occurredAt, environmentId, organizationId, object, displayName, specVersion }
  Object.defineProperty(event, 'data', DATA)
  // Prints the data itself, and not its accessor.
  const print = () => ({ ...event })
  print.unread = unread
  print.data = undefined
  return Object.defineProperty(event, INSPECT, { value: print, configurable: true, writable: true })
}

class Webhook {
  #native

  constructor(secretOrSecrets, options) {
    const secrets = secretsOf(secretOrSecrets)
    this.#native = rethrow(() => new native.NativeWebhook(secrets, variables(), json(options, [])))
  }

  get maxBody() {
    return this.#native.maxBody
  }

  verify(body, headers, options) {
    try {
      const standard = options === undefined ? standardHeadersOf(headers, body) : undefined
      const encoded =
        (standard && this.#native.verifyStandard(standard, body)) ?? this.#native.verify(readHeaders(headers), bodyOf(body), seconds(knownOnly(['now'], options).now))
      return eventOf(encoded)
    } catch (thrown) {
      throw translate(thrown)
    }
  }

  verifySignature(body, headers, options) {
    try {
      const standard = options === undefined ? standardHeadersOf(headers, body) : undefined
      return (
        (standard && this.#native.verifyStandardSignature(standard, body)) ??
        this.#native.verifySignature(readHeaders(headers), bodyOf(body), seconds(knownOnly(['now'], options).now))
      )
    } catch (thrown) {
      throw translate(thrown)
    }
  }

  sign(body, options) {
    const given = bodyOf(body)
    const raw = typeof given === 'string' ? Buffer.from(given) : given
    const { id, timestamp } = knownOnly(['id', 'timestamp'], options)
    const messageId = id === undefined || id === null ? undefined : text('the message id', id)
    const flat = rethrow(() => this.#native.sign(raw, messageId, seconds(timestamp, 'timestamp')))
    return { [flat[0]]: flat[1], [flat[2]]: flat[3], [flat[4]]: flat[5] }
  }
}

function verifyWebhookPayload(secret, headers, payload) {
  const key = text('the webhook secret', secret ?? '')
  try {
    const standard = standardHeadersOf(headers, payload)
    return (standard && native.verifyStandardPayload(key, standard, payload)) ?? native.verifyPayload(key, readHeaders(headers), bodyOf(payload))
  } catch (thrown) {
    throw translate(thrown)
  }
}

function verifyInterceptorPayload(secret, headers, payload) {
  const key = text('the webhook secret', secret ?? '')
  return rethrow(() => native.verifyInterceptorPayload(key, readHeaders(headers), bodyOf(payload)))
}

module.exports = { Webhook, verifyInterceptorPayload, verifyWebhookPayload }

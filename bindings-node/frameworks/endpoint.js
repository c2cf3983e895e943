'use strict'
// The part that the endpoints of all frameworks share: reads the body, verifies it, calls the handler and decides the status.

const { Webhook, errors } = require('../index.js')

const READ_BEFORE = "the body of the webhook has been read already and was not kept: mount the webhook before middleware that reads bodies"
const EMPTY = { 'content-length': '0' }
/** Whether `warnOnce` has warned. */
let warned = false

/** Verifies requests and passes their events to the handler. Made at start-up, so that a missing secret is an error at that time. */
class Receiver {
  /** `others`: names of options that only the framework's own endpoint has. */
  constructor(handler, options = {}, others = []) {
    const known = ['webhook', 'replayGuard', ...others]
    const unknown = Object.keys(options).find((name) => !known.includes(name))
    if (unknown !== undefined) throw new errors.InvalidArgumentError(`the option ${unknown} is unknown: expected ${known.join(' or ')}`)
    if (typeof handler !== 'function') {
      throw new errors.InvalidArgumentError(`the handler is ${handler === null ? 'null' : `a ${typeof handler}`}: expected a function that takes an event`)
    }
    this.handler = handler
    this.webhook = options.webhook ?? new Webhook()
    if (typeof this.webhook.verify !== 'function' || typeof this.webhook.maxBody !== 'number') {
      throw new errors.InvalidArgumentError('the webhook cannot be used: expected a Webhook (new Webhook(secret))')
    }
    this.maxBody = this.webhook.maxBody
    this.replayGuard = options.replayGuard
    if (this.replayGuard !== undefined && !(typeof this.replayGuard?.check === 'function' && typeof this.replayGuard.commit === 'function')) {
      throw new errors.InvalidArgumentError('the replayGuard cannot be used: expected a ReplayGuard')
    }
  }

  /**
   * Returns the status of the answer, which has no body, so that an attacker does not learn the reason. `read(limit)` returns the request's body, or
   * undefined if it is longer than `limit`.
   */
  async answer(method, headers, length, read) {
    if (method !== 'POST') return 405
    if (Number(length) > this.maxBody) return 413
    const body = await read(this.maxBody)
    if (body === undefined) return 413
    let event
    try {
      event = this.webhook.verify(body, headers)
    } catch (error) {
      if (!(error instanceof errors.WebhookVerificationError)) throw error
      if (error.reason === 'no_match' && !(body instanceof Uint8Array) && typeof body !== 'string') warnOnce(error)
      return error.reason === 'body_too_large' ? 413 : 400
    }
    if (this.replayGuard !== undefined && !(await this.replayGuard.check(event))) return 201
    await this.handler(event)
    // After the handler, so that a message whose handler failed is handled again.
    if (this.replayGuard !== undefined) await this.replayGuard.commit(event)
    return 201
  }

  /** Does the same as `answer` for a request of node:http. `parsed` is the body as the framework has read it, or undefined. */
  answerNode(request, parsed) {
    // Node makes the object `headers` when it is first read, so the raw list is cheaper. Requests that tests make up may have only the object.
    const raw = request.rawHeaders
    const headers = raw?.length > 0 ? raw : request.headers
    return this.answer(request.method, headers, headers === raw ? lengthOf(raw) : headers['content-length'], (limit) => {
      // The common case comes first, because property accesses are slow: in Express each request has a prototype of its own.
      if (parsed === undefined && !request.readableDidRead) return readStream(request, limit)
      if (request.rawBody !== undefined) return request.rawBody
      if (parsed instanceof Uint8Array || typeof parsed === 'string') return parsed
      if (!request.readableDidRead) return readStream(request, limit)
      if (parsed !== null && typeof parsed === 'object') return parsed
      throw new Error(READ_BEFORE)
    })
  }
}

/** Returns the value of Content-Length in Node's raw headers. */
function lengthOf(raw) {
  for (let at = 0; at < raw.length; at += 2) {
    // Compares the length (14) first: that is faster for all other headers.
    if (raw[at].length === 14 && raw[at].toLowerCase() === 'content-length') return raw[at + 1]
  }
  return undefined
}

/** Warns once in a process: an attacker must not be able to fill the log. */
function warnOnce(error) {
  if (warned) return
  warned = true
  process.emitWarning(`a webhook was refused whose body had been parsed: mount the webhook before any body parser (${error.message})`, 'HeadcountWarning')
}

/** Reads a stream to its end. Returns undefined as soon as it is longer than `limit`; the request can still be answered then. */
function readStream(stream, limit) {
  return new Promise((resolve, reject) => {
    const chunks = []
    let length = 0
    let ended = false
    const data = (chunk) => {
      length += chunk.length
      if (length <= limit) return void chunks.push(chunk)
      stream.off('data', data)
      stream.pause()
      resolve(undefined)
    }
    stream.on('data', data)
    stream.on('end', () => {
      ended = true
      resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))
    })
    stream.on('error', reject)
    // Every request emits `close`. The Error is made only if it is needed, because that is expensive.
    stream.on('close', () => ended || reject(new Error('the request ended before its whole body arrived')))
  })
}

/** Returns the headers of an answer. */
function headersOf(status) {
  if (status === 405) return { allow: 'POST' }
  // The rest of the body is not read, so the connection cannot be used again.
  return status === 413 ? { connection: 'close' } : {}
}

/** Sends an answer with node:http. */
function respond(response, status) {
  response.writeHead(status, status === 201 ? EMPTY : { ...headersOf(status), ...EMPTY }).end()
}

module.exports = { READ_BEFORE, Receiver, headersOf, respond }

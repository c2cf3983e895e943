'use strict'
// The part that the endpoints of all frameworks share: reads the body, verifies it, calls the handler and decides the status.

const { isUint8Array } = require('node:util/types')
const { kindOf, knownOnly } = require('../arguments.js')
const { Webhook, errors } = require('../index.js')

const READ_BEFORE = "the body of the webhook has been read already and was not kept: mount the webhook before middleware that reads bodies"
/** Headers of an answer without a body. */
const NO_CONTENT = { 'content-length': '0' }
const EMPTY_BODY = Buffer.alloc(0)
/** Whether `warnOnce` has warned. */
let warned = false

/** Verifies requests and passes their events to the handler. */
class Receiver {
  #webhook

  /** `others` has the names of the options that only this framework's endpoint has. */
  constructor(handler, options, others = []) {
    const given = knownOnly(['webhook', 'replayGuard', ...others], options)
    if (typeof handler !== 'function') {
      throw new errors.InvalidArgumentError(`the handler is ${kindOf(handler)}: expected a function that takes an event`)
    }
    this.handler = handler
    const webhook = given.webhook ?? undefined
    if (webhook !== undefined && (typeof webhook.verify !== 'function' || typeof webhook.maxBody !== 'number')) {
      throw new errors.InvalidArgumentError(`the option webhook is ${kindOf(webhook)}: expected a Webhook (new Webhook(secret))`)
    }
    this.#webhook = webhook
    this.replayGuard = given.replayGuard ?? undefined
    if (this.replayGuard !== undefined && !(typeof this.replayGuard.check === 'function' && typeof this.replayGuard.commit === 'function')) {
      throw new errors.InvalidArgumentError(`the option replayGuard is ${kindOf(this.replayGuard)}: expected a ReplayGuard`)
    }
  }

  /** The verifier. Without the option, it is made at the first use. Throws at each use while the secret is missing. */
  get webhook() {
    this.#webhook ??= new Webhook()
    return this.#webhook
  }

  get maxBody() {
    return this.webhook.maxBody
  }

  /** Makes the verifier now and returns this receiver: for endpoints that are made when the application starts, so that a missing secret is reported then. */
  eager() {
    return this.webhook && this
  }

  /**
   * Returns the answer: a status without a body, so that an attacker does not learn the reason, or the `Response` that the handler returned.
   * `read(limit)` returns the request's body, or undefined if it is longer than `limit`. `sent()` returns the status of an answer that the
   * application has sent already, or undefined.
   */
  async answer(method, headers, length, read, sent) {
    if (method !== 'POST') return 405
    const limit = this.maxBody
    if (Number(length) > limit) return 413
    const body = await read(limit)
    if (body === undefined) return 413
    let event
    try {
      event = this.webhook.verify(body, headers)
    } catch (error) {
      if (!(error instanceof errors.WebhookVerificationError)) throw error
      if (error.reason === 'no_match' && !isUint8Array(body) && typeof body !== 'string') warnOnce(error)
      return error.reason === 'body_too_large' ? 413 : 400
    }
    if (this.replayGuard !== undefined && !(await this.replayGuard.check(event))) return 201
    let returned
    try {
      returned = await this.handler(event)
    } catch (error) {
      // `Mirror.apply` refuses data that does not fit the event's type, as `Mirror.receive` does.
      if (error instanceof errors.WebhookVerificationError && error.reason === 'malformed_event') return 400
      throw error
    }
    const response = isResponse(returned) ? returned : undefined
    const status = sent?.() ?? response?.status ?? 201
    // After the handler, and only if the status is 2xx: a message whose handler failed is handled again.
    if (this.replayGuard !== undefined && status >= 200 && status < 300) await this.replayGuard.commit(event)
    return response ?? 201
  }

  /**
   * Does the same as `answer` for a request and a response of node:http. `parsed` is the body as the framework has read it, or undefined.
   */
  answerNode(request, parsed, response) {
    // Node makes the object `headers` when it is first read, so the raw list is cheaper. Requests that tests make up may have only the object.
    const raw = request.rawHeaders
    const headers = raw?.length > 0 ? raw : request.headers
    return this.answer(request.method, headers, headers === raw ? lengthOf(raw) : headers['content-length'], (limit) => {
      // The common case comes first, because property accesses are slow: in Express each request has a prototype of its own.
      if (parsed === undefined && !request.readableDidRead) return readStream(request, limit)
      if (request.rawBody !== undefined) return request.rawBody
      if (isUint8Array(parsed) || typeof parsed === 'string') return parsed
      if (!request.readableDidRead) return readStream(request, limit)
      if (parsed !== null && typeof parsed === 'object') return parsed
      throw new Error(READ_BEFORE)
    }, () => (response.headersSent ? response.statusCode : undefined))
  }
}

/** Returns whether a value is a `Response` of the Fetch API, of any realm and any implementation. */
const isResponse = (value) =>
  value !== null && typeof value === 'object' && typeof value.status === 'number' && typeof value.headers?.get === 'function' && typeof value.arrayBuffer === 'function'

/** Returns the value of Content-Length in Node's raw headers. */
function lengthOf(raw) {
  for (let at = 0; at < raw.length; at += 2) {
    // Compares the length (14) first: that is faster for all other headers.
    if (raw[at].length === 14 && raw[at].toLowerCase() === 'content-length') return raw[at + 1]
  }
  return undefined
}

/** Warns at its first call, and not again in this process, so that an attacker cannot fill the log. */
function warnOnce(error) {
  if (warned) return
  warned = true
  process.emitWarning(`a webhook was refused whose body had been parsed: mount the webhook before any body parser (${error.message})`, 'HeadcountWarning')
}

/** Collects the chunks of a body in one buffer, so that a body that arrives byte by byte needs no more memory than another. */
class Chunks {
  #limit
  #buffer = EMPTY_BODY
  #length = 0

  constructor(limit) {
    this.#limit = limit
  }

  /** Adds a chunk. Returns false, without adding it, if the body would be longer than the limit. */
  add(chunk) {
    const end = this.#length + chunk.length
    if (end > this.#limit) return false
    if (this.#length === 0) this.#buffer = chunk // not copied: most bodies are one chunk
    else {
      if (end > this.#buffer.length) {
        const larger = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(end, 2 * this.#buffer.length)))
        larger.set(this.#buffer.subarray(0, this.#length))
        this.#buffer = larger
      }
      this.#buffer.set(chunk, this.#length)
    }
    this.#length = end
    return true
  }

  /** Returns the body. */
  take() {
    return this.#buffer.subarray(0, this.#length)
  }
}

/** Reads a stream to its end. Returns undefined as soon as it is longer than `limit`; the request can still be answered then. */
function readStream(stream, limit) {
  return new Promise((resolve, reject) => {
    const chunks = new Chunks(limit)
    let ended = false
    const data = (chunk) => {
      if (chunks.add(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)) return
      stream.off('data', data)
      stream.pause()
      resolve(undefined)
    }
    stream.on('data', data)
    stream.on('end', () => {
      ended = true
      resolve(chunks.take())
    })
    stream.on('error', reject)
    // Every request emits `close`. The Error is made only if it is needed, because that is expensive.
    stream.on('close', () => ended || reject(new Error('the request ended before its whole body arrived')))
  })
}

/** Returns the headers of an answer that has only a status. */
function headersOf(status) {
  if (status === 405) return { allow: 'POST' }
  // The rest of the body is not read, so the connection cannot be used again.
  return status === 413 ? { connection: 'close' } : {}
}

/** Converts an answer, a status or a `Response`, to its status, headers and body. */
async function partsOf(answer) {
  if (typeof answer === 'number') return { status: answer, headers: headersOf(answer), body: '' }
  // `Response.error()` has the status 0.
  const status = answer.status >= 200 && answer.status <= 599 ? answer.status : 500
  const headers = Object.fromEntries([...answer.headers].filter(([name]) => name !== 'content-length' && name !== 'transfer-encoding'))
  return { status, headers, body: Buffer.from(await answer.arrayBuffer()) }
}

/** Sends an answer with node:http, unless the application has sent one, for example after a timeout. */
async function respond(response, answer) {
  if (response.headersSent) return
  if (answer === 201) return void response.writeHead(201, NO_CONTENT).end()
  const { status, headers, body } = await partsOf(answer)
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.end(body)
}

module.exports = { Chunks, READ_BEFORE, Receiver, headersOf, partsOf, respond }

'use strict'
// What the endpoints of all frameworks have in common: what is read, what is verified, what is answered.

const { Webhook, errors } = require('../index.js')

const READ_BEFORE = "the webhook's body was read before and nothing of it was kept: mount the webhook before what reads bodies"
const EMPTY = { 'content-length': '0' }
let warned = false

/** A verifier and what its events are given to. Made at start-up, so that a secret that is missing is found then. */
class Receiver {
  constructor(handler, options = {}, others = []) {
    const known = ['webhook', 'replayGuard', ...others]
    const unknown = Object.keys(options).find((name) => !known.includes(name))
    if (unknown !== undefined) throw new errors.InvalidArgumentError(`the option ${unknown} is not known: expected ${known.join(' or ')}`)
    if (typeof handler !== 'function') {
      throw new errors.InvalidArgumentError(`the handler is ${handler === null ? 'null' : `a ${typeof handler}`}: expected a function of an event`)
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

  /** The status to answer with and nothing else: whoever tries signatures out learns nothing. `read(most)` gives the body, or undefined where it is longer. */
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
      if (error.reason === 'no_match' && !(body instanceof Uint8Array) && typeof body !== 'string') warn(error)
      return error.reason === 'body_too_large' ? 413 : 400
    }
    if (this.replayGuard !== undefined && !(await this.replayGuard.check(event))) return 201
    await this.handler(event)
    // Not before: what the handler could not take is to come again.
    if (this.replayGuard !== undefined) await this.replayGuard.commit(event)
    return 201
  }

  /** The same for a request of node:http, whose body a framework may have parsed. */
  answerNode(request, parsed) {
    // As they came: Node makes an object of them when it is first asked for. What is no request of Node's, in a test say, may have that alone.
    const raw = request.rawHeaders
    const headers = raw?.length > 0 ? raw : request.headers
    return this.answer(request.method, headers, headers === raw ? lengthOf(raw) : headers['content-length'], (most) => {
      // The usual case first: Express makes each request an object of a kind of its own, of which every property is looked for anew.
      if (parsed === undefined && !request.readableDidRead) return readStream(request, most)
      if (request.rawBody !== undefined) return request.rawBody
      if (parsed instanceof Uint8Array || typeof parsed === 'string') return parsed
      if (!request.readableDidRead) return readStream(request, most)
      if (parsed !== null && typeof parsed === 'object') return parsed
      throw new Error(READ_BEFORE)
    })
  }
}

/** The Content-Length among Node's raw headers. */
function lengthOf(raw) {
  for (let at = 0; at < raw.length; at += 2) {
    if (raw[at].length === 14 && raw[at].toLowerCase() === 'content-length') return raw[at + 1]
  }
  return undefined
}

/** Once a process: an attacker must not fill the log with it. */
function warn(error) {
  if (warned) return
  warned = true
  process.emitWarning(`a webhook was refused, and its body had been parsed before: mount the webhook before any body parser (${error.message})`, 'HeadcountWarning')
}

/** All of a stream, or undefined as soon as it is longer; the stream is left alone then, and can still be answered. */
function readStream(stream, most) {
  return new Promise((resolve, reject) => {
    const chunks = []
    let length = 0
    let ended = false
    const data = (chunk) => {
      length += chunk.length
      if (length <= most) return void chunks.push(chunk)
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
    // Every request closes in the end, and an error costs as much as all the rest: made only where it is one.
    stream.on('close', () => ended || reject(new Error('the request ended before its whole body had come')))
  })
}

/** What every framework's answer carries. */
function headersOf(status) {
  if (status === 405) return { allow: 'POST' }
  // What is still on its way is not read.
  return status === 413 ? { connection: 'close' } : {}
}

/** Answers on a response of node:http. */
function respond(response, status) {
  response.writeHead(status, status === 201 ? EMPTY : { ...headersOf(status), ...EMPTY }).end()
}

module.exports = { READ_BEFORE, Receiver, headersOf, respond }

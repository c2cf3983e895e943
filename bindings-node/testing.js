'use strict'
// For tests of applications: makes, signs and delivers events, and starts a sandbox whose settings are in environment variables.

const http = require('node:http')
const https = require('node:https')
const { isUint8Array } = require('node:util/types')
const { json, kindOf, knownOnly, text } = require('./arguments.js')
const { errors, rethrow } = require('./errors.js')
const { Sandbox, Webhook } = require('./index.js')
const native = require('./native.js').load()

/** The environment variables, each with the property of a sandbox that has its value. */
const SETTINGS = {
  SCALEKIT_ENVIRONMENT_URL: 'environmentUrl',
  SCALEKIT_CLIENT_ID: 'clientId',
  SCALEKIT_CLIENT_SECRET: 'clientSecret',
  SCALEKIT_WEBHOOK_SECRET: 'webhookSecret',
}

function event(type, overrides) {
  return Buffer.from(rethrow(() => native.eventBody(text('the type of the event', type), json(overrides, []))))
}

function signed(webhookOrSecret, body, options) {
  // A verifier is recognized by its method, not by `instanceof`: a test runner may have loaded another copy of the class.
  const webhook = typeof webhookOrSecret?.sign === 'function' ? webhookOrSecret : new Webhook(webhookOrSecret)
  return webhook.sign(body, options)
}

async function deliver(url, typeOrBody, options) {
  const { secret, overrides, ...signing } = knownOnly(['secret', 'overrides', 'id', 'timestamp'], options)
  // A string is a type; a body is bytes.
  const body = typeof typeOrBody === 'string' ? event(typeOrBody, overrides) : typeOrBody
  if (!isUint8Array(body)) throw new errors.InvalidArgumentError(`the event is ${kindOf(body)}: expected its type, or its body as bytes`)
  return post(new URL(url), body, { 'content-type': 'application/json', ...signed(secret, body, signing) })
}

/** Sends one request on a new connection, which is closed afterwards: otherwise `server.close()` in a test would wait for the idle connection. */
function post(url, body, headers) {
  return new Promise((resolve, reject) => {
    const { request } = url.protocol === 'https:' ? https : http
    const sent = request(url, { method: 'POST', agent: false, headers: { ...headers, 'content-length': body.length } })
    sent.on('response', (response) => {
      response.on('end', () => resolve(response.statusCode)).on('error', reject).resume()
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** The values of the variables before the first open sandbox set them. */
let before = {}
/** The open sandboxes, oldest first. The variables have the settings of the last one. */
const open = []

/** Sets environment variables; deletes those whose value is undefined. */
function setVariables(settings) {
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
}

/** A sandbox whose settings are in the environment variables of this process until it is closed. */
class TestSandbox extends Sandbox {
  constructor(options) {
    super(options)
    if (open.length === 0) before = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, process.env[name]]))
    open.push(this)
    setVariables(this.#settings())
  }

  /** Returns the values of the environment variables for this sandbox. */
  #settings() {
    return Object.fromEntries(Object.entries(SETTINGS).map(([name, setting]) => [name, this[setting]]))
  }

  deliver(url, type, overrides) {
    return deliver(url, type, { secret: this.webhookSecret, overrides })
  }

  close() {
    const at = open.indexOf(this)
    if (at >= 0) {
      open.splice(at, 1)
      setVariables(open.at(-1)?.#settings() ?? before)
    }
    super.close()
  }
}

function startSandbox(options) {
  return new TestSandbox(options)
}

module.exports = { deliver, event, signed, startSandbox }

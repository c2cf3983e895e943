'use strict'
// The package's public face over the native half: JSON becomes objects, text becomes error classes. index.d.ts documents it.

const { bytes, json, text, timeout } = require('./arguments.js')
const { Listing, call, handles } = require('./calls.js')
const { errors, now, translate } = require('./errors.js')
const native = require('./native.js').load()
const { Mirror } = require('./mirror.js')
const { version } = require('./package.json')
const { read: readHeaders, isWanted: isWebhookHeader } = require('./headers.js').reader(native.webhookHeaders().flat())

/** The option's function, as the native half calls it. */
function onActivity(options) {
  const told = options?.onActivity
  if (told === undefined) return undefined
  if (typeof told !== 'function') throw new errors.InvalidArgumentError(`onActivity is a ${typeof told}: expected a function`)
  return (activity) => void told(JSON.parse(activity))
}

class OrganizationClient {
  #native
  constructor(client) {
    this.#native = client
  }

  async listOrganization(options) {
    return call((cancel) => this.#native.listOrganizations(json(options), cancel), options ?? undefined)
  }

  async listOrganizations(options) {
    return this.listOrganization(options)
  }

  async getOrganization(id, options) {
    return call((cancel) => this.#native.getOrganization(text('the organization id', id), cancel), options ?? undefined)
  }

  async getOrganizationByExternalId(externalId, options) {
    return call((cancel) => this.#native.getOrganizationByExternalId(text('the external id', externalId), cancel), options ?? undefined)
  }

  async createOrganization(displayName, fields, options) {
    return call(
      (cancel) => this.#native.createOrganization(text('the display name', displayName), json(fields, []), cancel),
      options ?? undefined,
    )
  }

  async updateOrganization(id, fields, options) {
    return call(
      (cancel) => this.#native.updateOrganization(text('the organization id', id), json(fields, []), cancel),
      options ?? undefined,
    )
  }

  async deleteOrganization(id, options) {
    await call((cancel) => this.#native.deleteOrganization(text('the organization id', id), cancel), options ?? undefined)
  }

  all(options) {
    return new Listing(now(() => this.#native.organizationPages(json(options), timeout(options?.timeoutMs))), options?.signal)
  }
}

class DirectoryClient {
  #native
  constructor(client) {
    this.#native = client
  }

  async listDirectories(organizationId, options) {
    return call((cancel) => this.#native.listDirectories(text('the organization id', organizationId), cancel), options ?? undefined)
  }

  async getDirectory(organizationId, directoryId, options) {
    return call((cancel) => this.#native.getDirectory(...ids(organizationId, directoryId), cancel), options ?? undefined)
  }

  async getPrimaryDirectoryByOrganizationId(organizationId, options) {
    const directory = await call(
      (cancel) => this.#native.primaryDirectory(text('the organization id', organizationId), cancel),
      options ?? undefined,
    )
    // The vendor's page destructures {directory}, its SDK returns it bare. Not enumerable: it prints and serialises as itself.
    return Object.defineProperty(directory, 'directory', { value: directory })
  }

  async listDirectoryUsers(organizationId, directoryId, options) {
    return call((cancel) => this.#native.listUsers(...ids(organizationId, directoryId), json(options), cancel), options ?? undefined)
  }

  async listDirectoryGroups(organizationId, directoryId, options) {
    return call((cancel) => this.#native.listGroups(...ids(organizationId, directoryId), json(options), cancel), options ?? undefined)
  }

  async enableDirectory(organizationId, directoryId, options) {
    return call((cancel) => this.#native.enableDirectory(...ids(organizationId, directoryId), cancel), options ?? undefined)
  }

  async disableDirectory(organizationId, directoryId, options) {
    return call((cancel) => this.#native.disableDirectory(...ids(organizationId, directoryId), cancel), options ?? undefined)
  }

  users(organizationId, directoryId, options) {
    return new Listing(now(() => this.#native.userPages(...ids(organizationId, directoryId), json(options), timeout(options?.timeoutMs))), options?.signal)
  }

  groups(organizationId, directoryId, options) {
    return new Listing(now(() => this.#native.groupPages(...ids(organizationId, directoryId), json(options), timeout(options?.timeoutMs))), options?.signal)
  }
}

const ids = (organizationId, directoryId) => [text('the organization id', organizationId), text('the directory id', directoryId)]

/** Tells the constructor to read the environment. */
const ENVIRONMENT = Symbol('the environment')

class Client {
  #native

  constructor(environmentUrl, clientId, clientSecret, options) {
    // What `process.env` does not have is undefined: the core says which setting is missing.
    const setting = (name, value) => text(name, value ?? '')
    const apart = ['onActivity']
    const observer = onActivity(options)
    this.#native = now(() =>
      environmentUrl === ENVIRONMENT
        ? native.NativeClient.fromEnv(json(options, apart), observer)
        : new native.NativeClient(
            setting('the environment URL', environmentUrl),
            setting('the client id', clientId),
            setting('the client secret', clientSecret),
            json(options, apart),
            observer,
          ),
    )
    handles.set(this, this.#native)
    this.organization = new OrganizationClient(this.#native)
    this.directory = new DirectoryClient(this.#native)
  }

  static fromEnv(options) {
    return new this(ENVIRONMENT, undefined, undefined, options)
  }

  verifyWebhookPayload(secret, headers, payload) {
    return verifyWebhookPayload(secret, headers, payload)
  }

  verifyInterceptorPayload(secret, headers, payload) {
    return verifyWebhookPayload(secret, headers, payload)
  }

  stats() {
    return now(() => this.#native.stats())
  }

  close() {
    this.#native.close()
  }
}

/** The body's bytes; or, where a framework has parsed it, the text that it prints to. */
function bodyOf(body) {
  const raw = bytes(body)
  if (raw !== undefined) return raw
  if (body !== null && typeof body === 'object') {
    try {
      return JSON.stringify(body)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      const message = 'no signature matches the body as it was parsed: it nests too deep to be printed again, so pass the raw body'
      throw new errors.WebhookVerificationError(message, { reason: 'no_match', cause: error })
    }
  }
  throw new errors.InvalidArgumentError(`the body is ${body === null ? 'null' : typeof body}: expected the request's bytes or text`)
}

/** Unix seconds of a Date or a number. */
const seconds = (moment) => (moment instanceof Date ? Math.floor(moment.getTime() / 1000) : moment)

const [[ID, TIMESTAMP, SIGNATURE]] = native.webhookHeaders()

/**
 * The values of the three headers that nearly every request has, one a line: one text crosses the border faster than a list.
 * Undefined where there are others, where one comes twice or in capitals, where they come in another form than an object of texts or
 * Node's rawHeaders, and where the body is no bytes. The native half answers with null where a value is not plain ASCII.
 */
function usualOf(headers, body) {
  if (headers === null || typeof headers !== 'object' || !(body instanceof Uint8Array)) return undefined
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

/** Node's name for the function that prints an object. An event's has its data with it: out of sight, and in reach behind a proxy as well. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom')

/** One for all events: V8 knows objects by the functions of their accessors, and makes those that have their own slow. */
const DATA = {
  get() {
    const kept = this[INSPECT]
    if (kept.unread !== undefined) {
      kept.data = JSON.parse(kept.unread)
      kept.unread = undefined
    }
    return kept.data
  },
  set(data) {
    const kept = this[INSPECT]
    kept.unread = undefined
    kept.data = data
  },
  enumerable: true,
  configurable: true,
}

/**
 * The event that the native half verified. Its data are read when they are asked for: most programs look at few types, and reading is
 * most of the work. They are a property like any other all the same: copied, compared and printed with the event.
 */
function eventOf(envelope, unread) {
  let id, messageId, type, occurredAt, environmentId, organizationId, object, displayName, specVersion
  if (envelope.charCodeAt(0) === 0) {
    ;[id, messageId, type, occurredAt, environmentId, organizationId, object, displayName, specVersion] = JSON.parse(envelope.slice(1))
  } else {
    let at = 9
    id = envelope.slice(at, (at += envelope.charCodeAt(0)))
    messageId = envelope.slice(at, (at += envelope.charCodeAt(1)))
    type = envelope.slice(at, (at += envelope.charCodeAt(2)))
    occurredAt = envelope.slice(at, (at += envelope.charCodeAt(3)))
    environmentId = envelope.slice(at, (at += envelope.charCodeAt(4)))
    organizationId = envelope.slice(at, (at += envelope.charCodeAt(5)))
    object = envelope.slice(at, (at += envelope.charCodeAt(6)))
    displayName = envelope.slice(at, (at += envelope.charCodeAt(7)))
    specVersion = envelope.slice(at, (at += envelope.charCodeAt(8)))
  }
  const event = { id, messageId, type, occurredAt, environmentId, organizationId, object, displayName, specVersion }
  Object.defineProperty(event, 'data', DATA)
  // It prints as what it holds, and not as something that would have to be read first.
  const print = () => ({ ...event })
  print.unread = unread
  print.data = undefined
  return Object.defineProperty(event, INSPECT, { value: print, configurable: true, writable: true })
}

class Webhook {
  #native

  constructor(secretOrSecrets, options = {}) {
    const secrets = secretOrSecrets === undefined || secretOrSecrets === null ? undefined : [secretOrSecrets].flat()
    secrets?.forEach((secret) => text('the webhook secret', secret))
    this.#native = now(() => new native.NativeWebhook(secrets, options.toleranceSeconds, options.maxBody))
  }

  get maxBody() {
    return this.#native.maxBody
  }

  verify(body, headers, options) {
    try {
      const usual = options === undefined ? usualOf(headers, body) : undefined
      const parts =
        (usual && this.#native.verifyUsual(usual, body)) ?? this.#native.verify(readHeaders(headers), bodyOf(body), seconds(options?.now))
      return eventOf(parts[0], parts[1])
    } catch (thrown) {
      throw translate(thrown)
    }
  }

  verifySignature(body, headers, options) {
    try {
      const usual = options === undefined ? usualOf(headers, body) : undefined
      return (
        (usual && this.#native.verifyUsualSignature(usual, body)) ??
        this.#native.verifySignature(readHeaders(headers), bodyOf(body), seconds(options?.now))
      )
    } catch (thrown) {
      throw translate(thrown)
    }
  }

  sign(body, options) {
    const printed = bodyOf(body)
    const raw = typeof printed === 'string' ? Buffer.from(printed) : printed
    const flat = now(() => this.#native.sign(raw, options?.id, seconds(options?.timestamp)))
    return { [flat[0]]: flat[1], [flat[2]]: flat[3], [flat[4]]: flat[5] }
  }
}

/** The last moment that a Date can say. */
const END_OF_TIME = 8_640_000_000_000_000

/** Ids in memory: asked and told at once. */
class Memory {
  #native
  constructor(options) {
    this.#native = now(() => native.NativeReplayGuard.inMemory(json(options, [])))
  }

  isFirst(id, moment) {
    return now(() => this.#native.check(id, moment))
  }

  record(id, moment) {
    now(() => this.#native.commit(id, moment))
  }
}

/** Ids in a file, asked and told by threads that may wait for it. */
class File {
  #native
  constructor(path, options) {
    this.#native = now(() => native.NativeReplayGuard.sqlite(text('the path', path), json(options, [])))
  }

  isFirst(id, moment) {
    return this.#native.checkAway(id, moment)
  }

  record(id, moment) {
    return this.#native.commitAway(id, moment)
  }
}

/** Ids where the application keeps them. */
class Own {
  #store
  #retention
  constructor(store, options) {
    for (const name of ['contains', 'record']) {
      if (typeof store?.[name] !== 'function') throw new errors.InvalidArgumentError(`the store has no function ${name}: expected contains(id) and record(id, expiresAt)`)
    }
    this.#store = store
    this.#retention = now(() => native.replayRetention(json(options, [])))
  }

  async isFirst(id) {
    return !(await this.#store.contains(id))
  }

  async record(id, moment = Date.now() / 1000) {
    await this.#store.record(id, new Date(Math.min((moment + this.#retention) * 1000, END_OF_TIME)))
  }
}

class ReplayGuard {
  #ids

  constructor(options) {
    this.#ids = options instanceof File || options instanceof Own ? options : new Memory(options)
  }

  static sqlite(path, options) {
    return new this(new File(path, options))
  }

  static custom(store, options) {
    return new this(new Own(store, options))
  }

  async check(event, options) {
    try {
      return await this.#ids.isFirst(messageOf(event), seconds(options?.now))
    } catch (thrown) {
      throw translate(thrown)
    }
  }

  async commit(event, options) {
    try {
      await this.#ids.record(messageOf(event), seconds(options?.now))
    } catch (thrown) {
      throw translate(thrown)
    }
  }
}

/** What a message is known by: the id it came with, which is the same for every attempt to deliver it, or else the event's own. */
function messageOf(event) {
  const id = typeof event === 'string' ? event : event?.messageId || event?.id
  if (typeof id !== 'string' || id === '') throw new errors.InvalidArgumentError('the message has no id: expected an event, or its messageId')
  return id
}

class Sandbox {
  #native
  #settings

  constructor(options) {
    this.#native = now(() => new native.NativeSandbox(json(options, [])))
    this.#settings = JSON.parse(this.#native.settings())
  }

  get environmentUrl() {
    return this.#settings.environmentUrl
  }

  get clientId() {
    return this.#settings.clientId
  }

  get clientSecret() {
    return this.#settings.clientSecret
  }

  get webhookSecret() {
    return this.#settings.webhookSecret
  }

  get controlUrl() {
    return this.#settings.controlUrl
  }

  get organizationId() {
    return this.#settings.organizationId
  }

  get directoryId() {
    return this.#settings.directoryId
  }

  client(options) {
    return new Client(this.environmentUrl, this.clientId, this.clientSecret, options)
  }

  registerEndpoint(url) {
    now(() => this.#native.registerEndpoint(text('the URL', url instanceof URL ? url.href : url)))
  }

  createUser(fields) {
    return JSON.parse(now(() => this.#native.createUser(json(fields, []))))
  }

  updateUser(id, fields) {
    return JSON.parse(now(() => this.#native.updateUser(text('the user id', id), json(fields, []))))
  }

  deleteUser(id) {
    now(() => this.#native.deleteUser(text('the user id', id)))
  }

  createGroup(fields) {
    return JSON.parse(now(() => this.#native.createGroup(json(fields, []))))
  }

  updateGroup(id, fields) {
    return JSON.parse(now(() => this.#native.updateGroup(text('the group id', id), json(fields, []))))
  }

  deleteGroup(id) {
    now(() => this.#native.deleteGroup(text('the group id', id)))
  }

  addMember(groupId, userId) {
    now(() => this.#native.addMember(text('the group id', groupId), text('the user id', userId)))
  }

  removeMember(groupId, userId) {
    now(() => this.#native.removeMember(text('the group id', groupId), text('the user id', userId)))
  }

  fault(faults, options) {
    const list = (faults === null ? [] : [faults].flat()).map((fault) => text('the fault', fault))
    now(() => this.#native.fault(list, json(options, [])))
  }

  deliveries() {
    return JSON.parse(now(() => this.#native.deliveries()))
  }

  advance(by) {
    now(() => this.#native.advance(text('the time to advance by', by)))
  }

  requests() {
    return JSON.parse(now(() => this.#native.requests()))
  }

  close() {
    this.#native.close()
  }
}

// Older runtimes have no such symbol.
if (Symbol.dispose) Object.defineProperty(Sandbox.prototype, Symbol.dispose, { value: Sandbox.prototype.close, configurable: true, writable: true })

function verifyWebhookPayload(secret, headers, payload) {
  const key = text('the webhook secret', secret ?? '')
  try {
    const usual = usualOf(headers, payload)
    return (usual && native.verifyUsualPayload(key, usual, payload)) ?? native.verifyPayload(key, readHeaders(headers), bodyOf(payload))
  } catch (thrown) {
    throw translate(thrown)
  }
}

const verifyInterceptorPayload = verifyWebhookPayload

module.exports = { Client, ScalekitClient: Client, Mirror, ReplayGuard, Sandbox, Webhook, errors, verifyInterceptorPayload, verifyWebhookPayload, version }

'use strict'
// The mirror over the calls of the addon.

const { bytes, json, number, text, timeout } = require('./arguments.js')
const { Listing, call, handles } = require('./calls.js')
const { errors, errorOf, rethrow } = require('./errors.js')
const native = require('./native.js').load()
const { read: readHeaders } = require('./headers.js').reader(native.webhookHeaders().flat())

/** Options that are not part of the JSON: they are passed to the addon as separate arguments. */
const OPENING = ['client', 'webhookSecret']
const SYNCING = ['onProgress', 'signal']
const WAITING = ['signal', 'timeoutMs']

/** Whether a value is a list of two strings. */
const isPair = (pair) => Array.isArray(pair) && pair.length === 2 && pair.every((one) => typeof one === 'string')

/** Returns [group, role] pairs, from a list of them, a Map or an object. */
function pairsOf(map) {
  const pairs = Array.isArray(map) ? map : map instanceof Map ? [...map] : map !== null && typeof map === 'object' ? Object.entries(map) : undefined
  if (!pairs?.every(isPair)) throw new errors.InvalidArgumentError('the role map cannot be read: expected [group, role] pairs of strings, a Map or an object')
  return pairs
}

/** Returns who decides, and the note. */
function decider(decision) {
  if (decision === null || typeof decision !== 'object') {
    throw new errors.InvalidArgumentError('the decision cannot be read: expected an object with `by`, and `note` if there is one')
  }
  return [text('`by`', decision.by), text('the note', decision.note ?? '')]
}

/** Returns a verified event as the vendor's JSON. */
function vendorJson(event) {
  if (event === null || typeof event !== 'object' || typeof event.id !== 'string' || typeof event.type !== 'string') {
    throw new errors.InvalidArgumentError('the event cannot be used: expected one from Webhook.verify or an endpoint')
  }
  return JSON.stringify({
    spec_version: event.specVersion,
    id: event.id,
    type: event.type,
    occurred_at: event.occurredAt,
    environment_id: event.environmentId,
    organization_id: event.organizationId,
    object: event.object,
    display_name: event.displayName,
    data: event.data,
  })
}

/** Replaces the `error` of a report, which the addon returns as the error's fields, by an instance of the error's class. */
function withError(report) {
  if (report.error !== null) report.error = errorOf(report.error)
  return report
}

/** The running calls of one mirror. `close` waits for them, and cancels those that wait for changes. */
class Calls {
  #running = new Set()
  /** Controllers that cancel the calls that wait for changes. */
  #waits = new Set()
  closed = false

  run(begin, options) {
    const running = call(begin, options)
    const done = () => void this.#running.delete(running)
    this.#running.add(running)
    running.then(done, done)
    return running
  }

  /** Runs a call that is cancelled by `signal` and when the mirror is closed. */
  async wait(begin, signal) {
    const stop = new AbortController()
    const forward = () => stop.abort(signal.reason)
    if (signal?.aborted) forward()
    else signal?.addEventListener('abort', forward, { once: true })
    this.#waits.add(stop)
    try {
      return await this.run(begin, { signal: stop.signal })
    } finally {
      this.#waits.delete(stop)
      signal?.removeEventListener('abort', forward)
    }
  }

  async close() {
    this.closed = true
    for (const stop of this.#waits) stop.abort(new Error('the mirror was closed'))
    await Promise.allSettled(this.#running)
  }
}

/** The changes of one consumer, each once; waits for the next ones. */
class Changes {
  #calls
  #wait
  #ack
  #ending = new AbortController()
  #signal
  #items = []
  #at = 0
  /** Number of the change that was returned last. */
  #last
  /** Settled when the last call of `next()` has its result: calls are served one after another. */
  #turn = Promise.resolve()

  constructor(calls, wait, ack, signal) {
    this.#calls = calls
    this.#wait = wait
    this.#ack = ack
    this.#signal = signal
  }

  next() {
    const turn = this.#turn.then(() => this.#next())
    this.#turn = turn.catch(() => {})
    return turn
  }

  get #hasEnded() {
    return this.#calls.closed || this.#ending.signal.aborted || this.#signal?.aborted === true
  }

  async #next() {
    const end = () => this.#ending.abort()
    this.#signal?.addEventListener('abort', end, { once: true })
    try {
      while (!this.#hasEnded && this.#at >= this.#items.length) {
        this.#items = await this.#calls.wait((cancel) => this.#wait(this.#last, cancel), this.#ending.signal)
        this.#at = 0
      }
    } catch (error) {
      if (!this.#hasEnded) throw error
    } finally {
      this.#signal?.removeEventListener('abort', end)
    }
    if (this.#hasEnded) return { value: undefined, done: true }
    const change = this.#items[this.#at++]
    this.#last = change.seq
    // Not enumerable, so that it is not printed or serialized.
    return { value: Object.defineProperty(change, 'ack', { value: () => this.#ack(change.seq) }), done: false }
  }

  async return(value) {
    this.#ending.abort()
    this.#items = []
    return { value, done: true }
  }

  [Symbol.asyncIterator]() {
    return this
  }
}

class Mirror {
  #native
  #calls = new Calls()

  constructor(path, options) {
    const { client, webhookSecret } = options ?? {}
    const handle = client === undefined || client === null ? undefined : handles.get(client)
    if (client && !handle) throw new errors.InvalidArgumentError('the client cannot be used: expected a Client of this package')
    const secrets = webhookSecret === undefined || webhookSecret === null ? undefined : [webhookSecret].flat()
    secrets?.forEach((secret) => text('the webhook secret', secret))
    this.#native = rethrow(() => new native.NativeMirror(text('the path', path), handle, secrets, json(options, OPENING)))
  }

  async sync(organizationId, directoryId, options) {
    if (directoryId !== null && typeof directoryId === 'object') return this.sync(organizationId, undefined, directoryId)
    const organization = text('the organization id', organizationId)
    const directory = directoryId === undefined || directoryId === null ? undefined : text('the directory id', directoryId)
    const reports = await this.#sync(organization, directory, options)
    return directory === undefined ? reports : reports[0]
  }

  async syncAll(options) {
    return this.#sync(undefined, undefined, options)
  }

  async #sync(organizationId, directoryId, options) {
    const { onProgress, signal } = options ?? {}
    if (onProgress !== undefined && typeof onProgress !== 'function') {
      throw new errors.InvalidArgumentError(`onProgress is a ${typeof onProgress}: expected a function`)
    }
    const given = json(options, SYNCING)
    // An exception of the callback cancels the sync.
    const stop = new AbortController()
    const abort = () => stop.abort(signal.reason)
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
    let failure
    const callback =
      onProgress &&
      ((progress) => {
        if (failure) return
        try {
          onProgress(JSON.parse(progress))
        } catch (error) {
          failure = { error }
          stop.abort(error)
        }
      })
    try {
      const reports = await this.#calls.run((cancel) => this.#native.sync(organizationId, directoryId, given, callback, cancel), { signal: stop.signal })
      // Waits for a turn of the event loop, in which the callbacks run that were queued before the sync ended.
      if (callback) await new Promise(setImmediate)
      if (failure) throw failure.error
      return reports.map(withError)
    } catch (error) {
      throw failure ? failure.error : error
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  async receive(body, headers) {
    const raw = bytes(body)
    if (raw === undefined) {
      const what = body === null ? 'null' : typeof body
      throw new errors.InvalidArgumentError(`the body is ${what}: expected the request's bytes or text as it came, before anything parsed it`)
    }
    return this.#calls.run(() => this.#native.receive(readHeaders(headers), raw))
  }

  async apply(event) {
    return this.#calls.run(() => this.#native.apply(vendorJson(event), event.messageId ?? ''))
  }

  users(organizationId, options) {
    return new Listing(rethrow(() => this.#native.userPages(text('the organization id', organizationId), json(options, ['signal']))), options?.signal)
  }

  async groups(organizationId, options) {
    return this.#calls.run(() => this.#native.groups(text('the organization id', organizationId), json(options, [])))
  }

  async directories(organizationId) {
    const organization = organizationId === undefined || organizationId === null ? undefined : text('the organization id', organizationId)
    return this.#calls.run(() => this.#native.directories(organization))
  }

  async user(id) {
    return this.#calls.run(() => this.#native.user(text('the user id', id)))
  }

  async group(id) {
    return this.#calls.run(() => this.#native.group(text('the group id', id)))
  }

  async findUsers(by) {
    return this.#calls.run(() => this.#native.findUsers(json(by, [])))
  }

  async status() {
    return this.#calls.run(() => this.#native.status())
  }

  async heldRemovals(directoryId) {
    return this.#calls.run(() => this.#native.heldRemovals(text('the directory id', directoryId)))
  }

  async holds(organizationId, options) {
    return this.#calls.run(() => this.#native.holds(text('the organization id', organizationId), json(options, [])))
  }

  holdUsers(holdId, options) {
    return new Listing(rethrow(() => this.#native.holdUserPages(text('the hold id', holdId))), options?.signal)
  }

  async approve(holdId, decision) {
    return this.#calls.run(() => this.#native.approve(text('the hold id', holdId), ...decider(decision)))
  }

  async dismiss(holdId, decision) {
    return this.#calls.run(() => this.#native.dismiss(text('the hold id', holdId), ...decider(decision)))
  }

  async retire(directoryId, decision) {
    return this.#calls.run(() => this.#native.retire(text('the directory id', directoryId), ...decider(decision)))
  }

  async link(userId, accountId) {
    const account = accountId === null ? undefined : text('the account id', accountId)
    await this.#calls.run(() => this.#native.link(text('the user id', userId), account))
  }

  async setRoleMap(map) {
    await this.#calls.run(() => this.#native.setRoleMap(pairsOf(map).flat()))
  }

  async roleMap() {
    return this.#calls.run(() => this.#native.roleMap())
  }

  async poll(consumer, options) {
    return this.#calls.run(() => this.#native.poll(text('the consumer', consumer), json(options, [])))
  }

  async wait(consumer, options) {
    const name = text('the consumer', consumer)
    const given = json(options, WAITING)
    const limit = timeout(options?.timeoutMs)
    return this.#calls.wait((cancel) => this.#native.wait(name, undefined, given, limit, cancel), options?.signal)
  }

  changes(consumer, options) {
    const name = text('the consumer', consumer)
    const given = json(options, ['signal'])
    const wait = (after, cancel) => this.#native.wait(name, after, given, undefined, cancel)
    return new Changes(this.#calls, wait, (seq) => this.ack(name, seq), options?.signal)
  }

  async ack(consumer, seq) {
    await this.#calls.run(() => this.#native.ack(text('the consumer', consumer), number('seq', seq)))
  }

  async park(consumer, seq, reason) {
    await this.#calls.run(() => this.#native.park(text('the consumer', consumer), number('seq', seq), text('the reason', reason)))
  }

  async parkedChanges(consumer) {
    return this.#calls.run(() => this.#native.parkedChanges(text('the consumer', consumer)))
  }

  async dropParked(consumer, seq) {
    return this.#calls.run(() => this.#native.dropParked(text('the consumer', consumer), number('seq', seq)))
  }

  async startFromSnapshot(consumer) {
    await this.#calls.run(() => this.#native.startFromSnapshot(text('the consumer', consumer)))
  }

  async consumers() {
    return this.#calls.run(() => this.#native.consumers())
  }

  async dropConsumer(name) {
    return this.#calls.run(() => this.#native.dropConsumer(text('the consumer', name)))
  }

  async trim() {
    await this.#calls.run(() => this.#native.trim())
  }

  async close() {
    this.#native.close()
    await this.#calls.close()
  }
}

// Node 18 does not have these symbols.
for (const symbol of [Symbol.dispose, Symbol.asyncDispose]) {
  if (symbol) Object.defineProperty(Mirror.prototype, symbol, { value: Mirror.prototype.close, configurable: true, writable: true })
}

module.exports = { Mirror }

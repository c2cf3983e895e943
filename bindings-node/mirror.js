'use strict'
// The mirror over the calls of the addon.

const { isDate } = require('node:util/types')

const { bytes, callback, json, kindOf, knownOnly, number, plain, roleEntries, seconds, secretsOf, signalOf, stringify, text, timeout } = require('./arguments.js')
const { Listing, call, handles, onAbort } = require('./calls.js')
const { errors, errorOf, rethrow } = require('./errors.js')
const native = require('./native.js').load()
const { parse } = require('./parse.js')
const { variables } = require('./settings.js')
const { read: readHeaders } = require('./headers.js').reader(native.webhookHeaders().flat())

/** Options of the constructor, of syncs and of `wait` that are passed to the addon as separate arguments, not in the JSON. */
const OPENING = ['client', 'webhookSecret']
const SYNCING = ['onProgress', 'signal']
const WAITING = ['signal', 'timeoutMs']

/** Number of ids that `reconcile` passes to the addon at a time. */
const RECONCILED = 1000

/** Settings that are durations: their names in JavaScript end in `Seconds`. */
const DURATIONS = ['guard_window', 'full_every', 'retention', 'history', 'deletion_grace', 'consumer_expiry']

/** Returns the name of a setting in JavaScript. */
const settingName = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase()) + (DURATIONS.includes(name) ? 'Seconds' : '')

/** Converts the addon's settings: gives durations the names that the options have. */
function settingsOf({ guard: { window, ...guard }, fullEvery, retention, history, deletionGrace, consumerExpiry, ignored, ...others }) {
  return {
    guard: { ...guard, windowSeconds: window },
    fullEverySeconds: fullEvery,
    retentionSeconds: retention,
    historySeconds: history,
    deletionGraceSeconds: deletionGrace,
    ...others,
    consumerExpirySeconds: consumerExpiry,
    ignored: ignored.map(({ name, ...values }) => ({ name: settingName(name), ...values })),
  }
}

/** Checks a decision, and returns its `by` and its `note` as arguments of the addon. */
function decider(decision) {
  const { by, note } = knownOnly(['by', 'note'], decision, 'the decision')
  return [text('`by`', by), text('the note', note ?? '')]
}

/** Converts a verified event back to the vendor's JSON. */
function vendorJson(event) {
  if (event === null || typeof event !== 'object' || typeof event.id !== 'string' || typeof event.type !== 'string') {
    throw new errors.InvalidArgumentError('the event cannot be used: expected one from Webhook.verify or an endpoint')
  }
  return stringify('the event', {
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

/** Calls the application's `onProgress`. If that throws, or its promise is rejected, cancels the sync with `stop` and keeps the error. */
class ProgressCallback {
  #callback
  #stop
  /** Promises that the callback returned and that are not settled. */
  #promises = new Set()
  #end
  /** Fulfilled when the addon makes its last call of `take`, after the sync has ended in any way. */
  ended = new Promise((resolve) => (this.#end = resolve))
  /** The callback's error as `{ error }`, because the error itself may be undefined. Undefined if there is none. */
  failure

  constructor(callback, stop) {
    this.#callback = callback
    this.#stop = stop
  }

  /** Takes what the addon passes: a progress as JSON, or at the end `null`. */
  take = (json) => {
    if (json === 'null') return this.#end()
    if (this.failure !== undefined) return
    try {
      const returned = this.#callback(parse(json))
      if (typeof returned?.then !== 'function') return
      const settled = Promise.resolve(returned).catch((error) => this.#fail(error)).finally(() => this.#promises.delete(settled))
      this.#promises.add(settled)
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error) {
    this.failure ??= { error }
    this.#stop.abort(error)
  }

  /** Waits for the callback's promises, and throws its error if there is one. */
  async finish() {
    await this.ended
    while (this.failure === undefined && this.#promises.size > 0) await Promise.race(this.#promises)
    if (this.failure !== undefined) throw this.failure.error
  }
}

/** The running calls of one mirror. `close` cancels those that wait for changes, and waits until all have ended. */
class Calls {
  #running = new Set()
  /** Controllers that cancel the calls that wait for changes. */
  #waits = new Set()
  /** Weak references to the addon's iterators over changes and workers, which keep the store open until they are closed. */
  #iterators = new Set()
  closed = false

  /** Registers an iterator or worker of the addon, so that `close` closes it. */
  register(iterator) {
    for (const reference of this.#iterators) if (reference.deref() === undefined) this.#iterators.delete(reference)
    this.#iterators.add(new WeakRef(iterator))
  }

  /** Runs a call, which `close` waits for. */
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
    const release = onAbort(signal, () => stop.abort(signal.reason))
    this.#waits.add(stop)
    try {
      return await this.run(begin, { signal: stop.signal })
    } finally {
      this.#waits.delete(stop)
      release()
    }
  }

  async close() {
    this.closed = true
    for (const stop of this.#waits) stop.abort(new Error('the mirror was closed'))
    for (const reference of this.#iterators) reference.deref()?.close()
    await Promise.allSettled(this.#running)
  }
}

/** An async iterator over the changes of a consumer, or over those that a worker gets. */
class Changes {
  #calls
  /** The addon's iterator or worker, or undefined if the mirror was closed before this was made. */
  #native
  #options
  #ending = new AbortController()
  #signal
  #items = []
  #at = 0
  /** The addon's page that has `#items`. */
  #page
  /** Settled when the latest call of `next()` is: calls run one after another. */
  #turn = Promise.resolve()

  constructor(calls, native, options, signal) {
    this.#calls = calls
    this.#native = native
    this.#options = options
    this.#signal = signal
    if (native) calls.register(native)
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
    const release = onAbort(this.#signal, () => this.#ending.abort())
    try {
      while (!this.#hasEnded && this.#at >= this.#items.length) await this.#read()
    } catch (error) {
      if (!this.#hasEnded) throw error
    } finally {
      release()
    }
    if (this.#hasEnded) {
      this.#native?.end()
      return { value: undefined, done: true }
    }
    const index = this.#at++
    return { value: this.#followed(this.#items[index], this.#page, index), done: false }
  }

  async #read() {
    let page
    const items = await this.#calls.wait(async (cancel) => {
      page = await this.#native.next(this.#options, cancel)
      return page === null ? null : page.text()
    }, this.#ending.signal)
    // The addon returns null if the mirror was closed.
    if (items === null) this.#ending.abort()
    this.#items = items ?? []
    this.#page = page
    this.#at = 0
  }

  /** Returns a change with the functions that acknowledge and park it. They are not enumerable, so that they are not printed or serialized. */
  #followed(change, page, index) {
    const { seq } = change
    const run = async (begin) => void (await this.#calls.run(begin))
    return Object.defineProperties(change, {
      ack: { value: () => run(() => this.#native.ack(seq)) },
      park: { value: (reason) => run(() => this.#native.park(page, index, text('the reason', reason))) },
    })
  }

  async return(value) {
    this.#ending.abort()
    this.#items = []
    this.#page = undefined
    this.#native?.end()
    return { value, done: true }
  }

  [Symbol.asyncIterator]() {
    return this
  }
}

/** A worker of a consumer with partitions: an async iterator over the changes of the partitions that it holds. */
class Worker {
  #calls
  #native
  #changes
  /** The promise of `close`, once it was called. */
  #closed

  constructor(calls, native, signal) {
    this.#calls = calls
    this.#native = native
    this.#changes = new Changes(calls, native, '{}', signal)
  }

  get partitions() {
    return this.#native.partitions()
  }

  /** Returns the next change. Closes the worker if the iteration has ended, because `for await` does not call `return` then. */
  async next() {
    const next = await this.#changes.next()
    if (next.done) await this.close()
    return next
  }

  async ackAll() {
    await this.#calls.run(() => this.#native.ackAll())
  }

  async return(value) {
    await this.close()
    return { value, done: true }
  }

  close() {
    return (this.#closed ??= this.#close())
  }

  async #close() {
    await this.#changes.return()
    // Closing the mirror releases the partitions as well.
    if (!this.#calls.closed) await this.#calls.run(() => this.#native.leave())
  }

  [Symbol.asyncIterator]() {
    return this
  }
}

/** What a sync would change. */
class Plan {
  #native

  constructor(native, { outcome, reports, counts, holds, incomplete, error }) {
    this.#native = native
    this.outcome = outcome
    this.reports = reports.map(withError)
    this.counts = counts
    this.holds = holds
    this.incomplete = incomplete
    this.error = error === null ? null : errorOf(error)
  }

  get changes() {
    return new Listing(this.#native.pages())
  }

  async close() {
    await call(() => this.#native.close())
  }
}

class Mirror {
  #native
  #id
  #calls = new Calls()
  /** The promise of `close`, once it was called. */
  #closed

  constructor(path, options) {
    const { client, webhookSecret } = plain('the argument with the options', options)
    const handle = handles.get(client)
    if (client !== undefined && client !== null && !handle) {
      throw new errors.InvalidArgumentError(`the client is ${kindOf(client)}: expected a Client of this package`)
    }
    const secrets = secretsOf(webhookSecret)
    this.#native = rethrow(() => new native.NativeMirror(text('the path', path), handle, secrets, json(options, OPENING)))
    this.#id = this.#native.id() ?? null
  }

  get id() {
    return this.#id
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
    const given = json(options, SYNCING)
    const reports = await this.#observed(options, (take) => (cancel) => this.#native.sync(organizationId, directoryId, given, take, cancel))
    return reports.map(withError)
  }

  async plan(organizationId, directoryId, options) {
    if (directoryId !== null && typeof directoryId === 'object') return this.plan(organizationId, undefined, directoryId)
    const organization = text('the organization id', organizationId)
    const directory = directoryId === undefined || directoryId === null ? undefined : text('the directory id', directoryId)
    const given = json(options, SYNCING)
    let plan
    const summary = await this.#observed(options, (take) => async (cancel) => {
      plan = await this.#native.plan(organization, directory, given, take, cancel)
      return plan.summary()
    })
    return new Plan(plan, summary)
  }

  /** Runs a call with the options `onProgress` and `signal`. `begin` returns the call, given the function that takes the progress. */
  async #observed(options, begin) {
    const onProgress = callback('onProgress', options?.onProgress)
    const signal = signalOf(options)
    if (onProgress === undefined) return this.#calls.run(begin(undefined), { signal })

    const stop = new AbortController()
    const progress = new ProgressCallback(onProgress, stop)
    const release = onAbort(signal, () => stop.abort(signal.reason))
    try {
      const result = await this.#calls.run(begin(progress.take), { signal: stop.signal })
      await progress.finish()
      return result
    } catch (error) {
      throw progress.failure === undefined ? error : progress.failure.error
    } finally {
      release()
    }
  }

  async receive(body, headers, options) {
    const raw = bytes(body)
    if (raw === undefined) {
      throw new errors.InvalidArgumentError(`the body is ${kindOf(body)}: expected the request's bytes or text as it came, before anything parsed it`)
    }
    const now = seconds(knownOnly(['now'], options).now)
    return this.#calls.run(() => this.#native.receive(readHeaders(headers), raw, now, variables()))
  }

  async apply(event) {
    return this.#calls.run(() => this.#native.apply(vendorJson(event), event.messageId ?? ''))
  }

  users(organizationId, options) {
    return new Listing(rethrow(() => this.#native.userPages(text('the organization id', organizationId), json(options, ['signal']))), options)
  }

  history(options) {
    return new Listing(rethrow(() => this.#native.historyPages(json(options, ['signal']))), options)
  }

  at(moment, organizationId, options) {
    const filter = json({ ...plain('the argument with the options', options), moment: moment ?? undefined }, ['signal'])
    return new Listing(rethrow(() => this.#native.pastUserPages(text('the organization id', organizationId), filter)), options)
  }

  export(organizationId, options) {
    return new Listing(rethrow(() => this.#native.exportPages(text('the organization id', organizationId), json(options, ['signal']))), options)
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
    const given = knownOnly(['signal'], options)
    return new Listing(rethrow(() => this.#native.holdUserPages(text('the hold id', holdId))), given)
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

  async approvals(organizationId) {
    const organization = organizationId === undefined || organizationId === null ? undefined : text('the organization id', organizationId)
    return this.#calls.run(() => this.#native.approvals(organization))
  }

  async retirements() {
    return this.#calls.run(() => this.#native.retirements())
  }

  async pendingEvents(organizationId) {
    return this.#calls.run(() => this.#native.pendingEvents(text('the organization id', organizationId)))
  }

  async runs(options) {
    return this.#calls.run(() => this.#native.runs(json(options, [])))
  }

  async event(id) {
    return this.#calls.run(() => this.#native.event(text('the event id', id)))
  }

  async events(options) {
    return this.#calls.run(() => this.#native.events(json(options, [])))
  }

  async explain(userId) {
    const [explanation, impersonal, personal] = await this.#calls.run(() => this.#native.explain(text('the user id', userId)))
    // Not enumerable, so that the explanation is printed and compared by its fields.
    return Object.defineProperties(explanation, {
      text: { value: (options) => (knownOnly(['personal'], options).personal === true ? personal : impersonal) },
      toString: { value: () => impersonal },
    })
  }

  async link(userId, accountId) {
    const account = accountId === null ? undefined : text('the account id', accountId)
    await this.#calls.run(() => this.#native.link(text('the user id', userId), account))
  }

  async protect(userId, options) {
    const { reason } = knownOnly(['reason'], options, 'the options')
    await this.#calls.run(() => this.#native.protect(text('the user id', userId), text('the reason', reason)))
  }

  async unprotect(userId) {
    await this.#calls.run(() => this.#native.unprotect(text('the user id', userId)))
  }

  async setRoleMap(map) {
    await this.#calls.run(() => this.#native.setRoleMap(JSON.stringify(roleEntries(map))))
  }

  async roleMap() {
    return this.#calls.run(() => this.#native.roleMap())
  }

  async roleMapEntries() {
    return this.#calls.run(() => this.#native.roleMapEntries())
  }

  async unmatchedRoles() {
    return this.#calls.run(() => this.#native.unmatchedRoles())
  }

  async settings() {
    return settingsOf(await this.#calls.run(() => this.#native.settings()))
  }

  async configure(options) {
    await this.#calls.run(() => this.#native.configure(json(options, [])))
  }

  async unbindEnvironment() {
    await this.#calls.run(() => this.#native.unbindEnvironment())
  }

  async copyTo(target, options) {
    return this.#calls.run(() => this.#native.copyTo(text('the target', target), json(options, [])))
  }

  async backup(path) {
    await this.#calls.run(() => this.#native.backup(text('the path', path)))
  }

  async eraseUser(userId) {
    return this.#calls.run(() => this.#native.eraseUser(text('the user id', userId)))
  }

  async forgetOrganization(organizationId) {
    return this.#calls.run(() => this.#native.forgetOrganization(text('the organization id', organizationId)))
  }

  async metrics(options) {
    const { organizations } = knownOnly(['organizations'], options)
    if (organizations !== undefined && typeof organizations !== 'boolean') {
      throw new errors.InvalidArgumentError(`organizations is ${kindOf(organizations)}: expected true or false`)
    }
    return this.#calls.run(() => this.#native.metrics(organizations === true))
  }

  async reconcile(ids, options) {
    const { organizationId, since } = knownOnly(['organizationId', 'since'], options)
    const organization = organizationId === undefined || organizationId === null ? undefined : text('organizationId', organizationId)
    const sinceMs = isDate(since) ? Number(since) : seconds(since, 'since') === undefined ? undefined : since * 1000
    if (typeof ids === 'string' || typeof (ids?.[Symbol.asyncIterator] ?? ids?.[Symbol.iterator]) !== 'function') {
      throw new errors.InvalidArgumentError(`the ids are ${kindOf(ids)}: expected an iterable of texts`)
    }
    let reconciliation
    await this.#calls.run(async () => {
      reconciliation = await this.#native.reconciliation(organization, sinceMs)
      return null
    })
    let page = []
    for await (const id of ids) {
      page.push(text('an id', id))
      if (page.length < RECONCILED) continue
      await this.#calls.run(() => reconciliation.add(page))
      page = []
    }
    if (page.length > 0) await this.#calls.run(() => reconciliation.add(page))
    return this.#calls.run(() => reconciliation.absent())
  }

  async poll(consumer, options) {
    return this.#calls.run(() => this.#native.poll(text('the consumer', consumer), json(options, [])))
  }

  async wait(consumer, options) {
    const name = text('the consumer', consumer)
    const given = json(options, WAITING)
    const limit = timeout(options?.timeoutMs)
    return this.#calls.wait((cancel) => this.#native.wait(name, given, limit, cancel), signalOf(options))
  }

  changes(consumer, options) {
    const name = text('the consumer', consumer)
    const given = json(options, ['signal'])
    const changes = this.#calls.closed ? undefined : rethrow(() => this.#native.changes(name))
    return new Changes(this.#calls, changes, given, signalOf(options))
  }

  consumer(name, options) {
    const consumer = text('the consumer', name)
    const given = json(options, ['signal'])
    const signal = signalOf(options)
    return new Worker(this.#calls, rethrow(() => this.#native.consumer(consumer, given)), signal)
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

  close() {
    return (this.#closed ??= this.#close())
  }

  async #close() {
    this.#native.close()
    await this.#calls.close()
    await call(() => this.#native.closed())
  }
}

// Node 18 does not have these symbols.
for (const { prototype } of [Mirror, Plan, Worker]) {
  for (const symbol of [Symbol.dispose, Symbol.asyncDispose]) {
    if (symbol) Object.defineProperty(prototype, symbol, { value: prototype.close, configurable: true, writable: true })
  }
}

module.exports = { METRICS_CONTENT_TYPE: native.NativeMirror.metricsContentType(), Mirror }

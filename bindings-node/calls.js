'use strict'
// Asynchronous calls of the addon: parses the JSON of results, and converts errors to their classes.

const { signalOf, timeout } = require('./arguments.js')
const { captureStack, translate } = require('./errors.js')
const { parse } = require('./parse.js')
const native = require('./native.js').load()

/** For each signal, the functions to call when it is aborted, and the one listener that calls them: Node warns of more than ten listeners. */
const listening = new WeakMap()

/** Calls `run` when the signal is aborted, or now if it has been aborted. Returns a function that unregisters `run`. */
function onAbort(signal, run) {
  if (signal === undefined) return () => {}
  if (signal.aborted) {
    run()
    return () => {}
  }
  let entry = listening.get(signal)
  if (entry === undefined) {
    const runs = new Set()
    const listener = () => {
      listening.delete(signal)
      for (const run of [...runs]) run()
    }
    entry = { runs, listener }
    listening.set(signal, entry)
    signal.addEventListener('abort', listener, { once: true })
  }
  // A new function for each registration: `run` may be registered twice, and a Set would contain it only once.
  const own = () => run()
  const { runs, listener } = entry
  runs.add(own)
  return () => {
    if (!runs.delete(own) || runs.size > 0 || listening.get(signal) !== entry) return
    listening.delete(signal)
    signal.removeEventListener('abort', listener)
  }
}

/**
 * Runs an asynchronous call of the addon. `options.signal` cancels it, `options.timeoutMs` is its deadline. `begin` starts it; its argument is the
 * handle that cancels the call, or undefined if there is neither a signal nor a deadline.
 */
function call(begin, options) {
  // The caller's stack is captured now: it is no longer available when the promise is rejected.
  return settle(begin, options, captureStack(call))
}

/** Does what `call` does. `stack` is the stack that its errors get. */
async function settle(begin, options, stack) {
  let release
  let signal
  try {
    signal = signalOf(options)
    const limit = timeout(options?.timeoutMs)
    let cancel
    if (signal !== undefined || limit !== undefined) cancel = new native.Cancel(limit)
    release = onAbort(signal, () => cancel.cancel())
    const text = await begin(cancel)
    return text === null ? null : parse(text)
  } catch (thrown) {
    throw translate(thrown, { cause: signal?.aborted ? signal.reason : undefined, stack })
  } finally {
    release?.()
  }
}

/** An async iterator over the items of all pages of a listing. `pages` is the addon's iterator over its pages. */
class Listing {
  #pages
  #signal
  #items = []
  #at = 0
  /** Settled when the latest call of `next()` that needs a page is: such calls run one after another. */
  #turn = Promise.resolve()
  /** Number of calls of `next()` that wait for a page. */
  #waiting = 0

  constructor(pages, options) {
    this.#pages = pages
    this.#signal = signalOf(options)
  }

  next() {
    // Without earlier calls that wait, an item of the current page can be returned at once.
    if (this.#waiting === 0 && this.#at < this.#items.length) return Promise.resolve({ value: this.#items[this.#at++], done: false })
    this.#waiting++
    const stack = captureStack(this.next)
    const turn = this.#turn.then(() => this.#next(stack))
    const done = () => void this.#waiting--
    this.#turn = turn.then(done, done)
    return turn
  }

  async #next(stack) {
    while (this.#pages && this.#at >= this.#items.length) {
      const items = await settle((cancel) => this.#pages.next(cancel), { signal: this.#signal }, stack)
      if (items === null) this.#pages = undefined
      this.#items = items ?? []
      this.#at = 0
    }
    return this.#pages ? { value: this.#items[this.#at++], done: false } : { value: undefined, done: true }
  }

  async return(value) {
    this.#pages = undefined
    this.#items = []
    return { value, done: true }
  }

  [Symbol.asyncIterator]() {
    return this
  }
}

/** The addon's object of each client, for the mirror, which takes a client. */
const handles = new WeakMap()

module.exports = { Listing, call, handles, onAbort }

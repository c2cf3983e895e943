'use strict'
// Asynchronous calls of the addon: parses the JSON of results, and converts errors to their classes.

const { timeout } = require('./arguments.js')
const { translate } = require('./errors.js')
const native = require('./native.js').load()

/**
 * Runs an asynchronous call of the addon. `signal` cancels it, `timeoutMs` is its deadline. `begin` starts it; its argument is the handle that
 * cancels the call, or undefined if there is neither a signal nor a deadline.
 */
async function call(begin, { signal, timeoutMs } = {}) {
  let cancel
  const abort = () => cancel.cancel()
  if (signal || timeoutMs !== undefined) cancel = new native.Cancel(timeout(timeoutMs))
  if (signal) {
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  }
  try {
    const text = await begin(cancel)
    return text === null ? null : JSON.parse(text)
  } catch (thrown) {
    throw translate(thrown, signal?.aborted ? signal.reason : undefined)
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

/** An async iterator over the items of all pages of a listing. After an error, `next()` requests the same page again. */
class Listing {
  #pages
  #signal
  #items = []
  #at = 0
  /** Settled when the last call of `next()` has its result: calls that need a page are served one after another. */
  #turn = Promise.resolve()
  /** Number of calls of `next()` that wait for a page. */
  #waiting = 0

  constructor(pages, signal) {
    this.#pages = pages
    this.#signal = signal
  }

  next() {
    // Without earlier calls that wait, an item of the current page can be returned at once.
    if (this.#waiting === 0 && this.#at < this.#items.length) return Promise.resolve({ value: this.#items[this.#at++], done: false })
    this.#waiting++
    const turn = this.#turn.then(() => this.#next())
    const done = () => void this.#waiting--
    this.#turn = turn.then(done, done)
    return turn
  }

  async #next() {
    while (this.#pages && this.#at >= this.#items.length) {
      const items = await call((cancel) => this.#pages.next(cancel), { signal: this.#signal })
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

/** The addon's object of each client, for classes that take a client. */
const handles = new WeakMap()

module.exports = { Listing, call, handles }

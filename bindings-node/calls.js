'use strict'
// Calls that wait: what the native half promises as text comes as objects, and what it throws as errors with a class.

const { timeout } = require('./arguments.js')
const { translate } = require('./errors.js')
const native = require('./native.js').load()

/** A call that waits: parses what comes, and gives errors their class. `signal` ends it early, `timeoutMs` is its own deadline. */
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

/** Every item of a listing. After an error `next()` asks for the same page again. */
class Listing {
  #pages
  #signal
  #items = []
  #at = 0
  #turn = Promise.resolve()
  #waiting = 0

  constructor(pages, signal) {
    this.#pages = pages
    this.#signal = signal
  }

  next() {
    // What is there already, and nobody before is waiting for, needs no turn.
    if (this.#waiting === 0 && this.#at < this.#items.length) return Promise.resolve({ value: this.#items[this.#at++], done: false })
    // Who asks before the last answer has come waits for it.
    this.#waiting++
    const turn = this.#turn.then(() => this.#next())
    const over = () => void this.#waiting--
    this.#turn = turn.then(over, over)
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

/** The native half of each client, for what works with one. */
const handles = new WeakMap()

module.exports = { Listing, call, handles }

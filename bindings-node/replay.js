'use strict'
// Replay guards: message ids in memory, in a SQLite file, or in a store of the application.

const { json, kindOf, knownOnly, seconds, text } = require('./arguments.js')
const { errors, rethrow, translate } = require('./errors.js')
const native = require('./native.js').load()

/** The latest time that a Date can hold, in milliseconds. */
const LATEST_DATE = 8_640_000_000_000_000

/** Ids in memory, used on the event loop. */
class MemoryIds {
  #native
  constructor(options) {
    this.#native = rethrow(() => native.NativeReplayGuard.inMemory(json(options, [])))
  }

  isFirst(id, now) {
    return rethrow(() => this.#native.check(id, now))
  }

  record(id, now) {
    rethrow(() => this.#native.commit(id, now))
  }

  claim(id, now) {
    return rethrow(() => this.#native.claim(id, now))
  }

  release(id) {
    rethrow(() => this.#native.release(id))
  }
}

/** Ids in a SQLite file, used on other threads. */
class FileIds {
  #native
  constructor(path, options) {
    this.#native = rethrow(() => native.NativeReplayGuard.sqlite(text('the path', path), json(options, [])))
  }

  isFirst(id, now) {
    return this.#native.checkAsync(id, now)
  }

  record(id, now) {
    return this.#native.commitAsync(id, now)
  }

  claim(id, now) {
    return this.#native.claimAsync(id, now)
  }

  release(id) {
    return this.#native.releaseAsync(id)
  }
}

/** Ids in a store of the application. `isFirst` does not use the time: the store decides whether an id has expired. */
class CustomIds {
  #store
  #retention
  constructor(store, options) {
    for (const name of ['contains', 'record']) {
      if (typeof store?.[name] !== 'function') throw new errors.InvalidArgumentError(`the store has no function ${name}: expected contains(id) and record(id, expiresAt)`)
    }
    this.#store = store
    this.#retention = rethrow(() => native.replayRetention(json(options, [])))
  }

  async isFirst(id) {
    return !(await this.#store.contains(id))
  }

  async record(id, now) {
    await this.#store.record(id, this.#expiry(now))
  }

  async claim(id, now) {
    return this.#optional('claim')(id, this.#expiry(now))
  }

  async release(id) {
    await this.#optional('release')(id)
  }

  /** Returns the time until which an id is recorded. */
  #expiry(now = Date.now() / 1000) {
    return new Date(Math.min((now + this.#retention) * 1000, LATEST_DATE))
  }

  /** Returns an optional function of the store. Throws if the store does not have it. */
  #optional(name) {
    if (typeof this.#store[name] !== 'function') throw new errors.InvalidArgumentError(`the store has no function ${name}: add it, or use check and commit`)
    return this.#store[name].bind(this.#store)
  }
}

class ReplayGuard {
  #ids

  /** Takes the options of a guard in memory. `sqlite` and `custom` pass a `FileIds` or a `CustomIds` in their place. */
  constructor(options) {
    this.#ids = options instanceof FileIds || options instanceof CustomIds ? options : new MemoryIds(options)
  }

  static sqlite(path, options) {
    return new this(new FileIds(path, options))
  }

  static custom(store, options) {
    return new this(new CustomIds(store, options))
  }

  async check(event, options) {
    try {
      return await this.#ids.isFirst(messageOf(event), timeOf(options))
    } catch (thrown) {
      throw translate(thrown)
    }
  }

  async commit(event, options) {
    try {
      await this.#ids.record(messageOf(event), timeOf(options))
    } catch (thrown) {
      throw translate(thrown)
    }
  }

  async claim(event, options) {
    try {
      const claimed = await this.#ids.claim(messageOf(event), timeOf(options))
      if (typeof claimed !== 'boolean') throw new errors.InvalidArgumentError(`the store's function claim returned ${kindOf(claimed)}: expected a boolean`)
      return claimed
    } catch (thrown) {
      throw translate(thrown)
    }
  }

  async release(event) {
    try {
      await this.#ids.release(messageOf(event))
    } catch (thrown) {
      throw translate(thrown)
    }
  }
}

/** Returns the option `now` in Unix seconds, or undefined if it is not set. */
const timeOf = (options) => seconds(knownOnly(['now'], options).now)

/** Returns the id of a message: that of its headers, which is the same for every attempt to deliver it, or else the event's id. */
function messageOf(event) {
  const id = typeof event === 'string' ? event : event?.messageId || event?.id
  if (typeof id !== 'string' || id === '') throw new errors.InvalidArgumentError('the message has no id: expected an event, or its messageId')
  return id
}

module.exports = { ReplayGuard }

'use strict'
// The sandbox: a local Scalekit environment inside the process, over the calls of the addon.

const { json, text } = require('./arguments.js')
const { Client } = require('./client.js')
const { rethrow } = require('./errors.js')
const native = require('./native.js').load()
const { parse } = require('./parse.js')

/** The sandboxes that are not closed. Without this reference, a sandbox that the application no longer refers to would be garbage-collected and stopped. */
const open = new Set()

class Sandbox {
  #native
  #settings

  constructor(options) {
    this.#native = rethrow(() => new native.NativeSandbox(json(options, [])))
    this.#settings = JSON.parse(this.#native.settings())
    open.add(this)
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
    rethrow(() => this.#native.registerEndpoint(text('the URL', typeof url?.href === 'string' ? url.href : url)))
  }

  createUser(fields) {
    return parse(rethrow(() => this.#native.createUser(json(fields, []))))
  }

  updateUser(id, fields) {
    return parse(rethrow(() => this.#native.updateUser(text('the user id', id), json(fields, []))))
  }

  deleteUser(id) {
    rethrow(() => this.#native.deleteUser(text('the user id', id)))
  }

  createGroup(fields) {
    return parse(rethrow(() => this.#native.createGroup(json(fields, []))))
  }

  updateGroup(id, fields) {
    return parse(rethrow(() => this.#native.updateGroup(text('the group id', id), json(fields, []))))
  }

  deleteGroup(id) {
    rethrow(() => this.#native.deleteGroup(text('the group id', id)))
  }

  addMember(groupId, userId) {
    rethrow(() => this.#native.addMember(text('the group id', groupId), text('the user id', userId)))
  }

  removeMember(groupId, userId) {
    rethrow(() => this.#native.removeMember(text('the group id', groupId), text('the user id', userId)))
  }

  fault(faults, options) {
    const list = (faults === null ? [] : [faults].flat()).map((fault) => text('the fault', fault))
    rethrow(() => this.#native.fault(list, json(options, [])))
  }

  deliveries() {
    return parse(rethrow(() => this.#native.deliveries()))
  }

  advance(by) {
    rethrow(() => this.#native.advance(text('the time to advance by', by)))
  }

  requests() {
    return parse(rethrow(() => this.#native.requests()))
  }

  close() {
    open.delete(this)
    this.#native.close()
  }
}

// Node 18 does not have this symbol.
if (Symbol.dispose) Object.defineProperty(Sandbox.prototype, Symbol.dispose, { value: Sandbox.prototype.close, configurable: true, writable: true })

module.exports = { Sandbox }

'use strict'
// The REST client over the calls of the addon.

const { callback, json, knownOnly, plain, text, timeout } = require('./arguments.js')
const { Listing, call, handles } = require('./calls.js')
const { rethrow } = require('./errors.js')
const native = require('./native.js').load()
const { parse } = require('./parse.js')
const { variables } = require('./settings.js')
const { verifyInterceptorPayload, verifyWebhookPayload } = require('./webhook.js')

/** Returns the function that the addon calls with the JSON of each activity, or undefined if the option `onActivity` is not set. */
function observerOf(options) {
  const observer = callback('onActivity', options?.onActivity)
  if (observer === undefined) return undefined
  let hasWarned = false
  // An error of the observer has no caller that could handle it. Thrown here, it would end the process.
  const warn = (error) => {
    if (hasWarned) return
    hasWarned = true
    process.emitWarning(`onActivity failed, and further failures are not reported: ${error?.stack ?? error}`, 'HeadcountWarning')
  }
  return (activity) => {
    try {
      const returned = observer(parse(activity))
      if (typeof returned?.then === 'function') returned.then(undefined, warn)
    } catch (error) {
      warn(error)
    }
  }
}

/** Checks the options of a call that accepts only `signal` and `timeoutMs`, and returns them. */
const callOptions = (options) => knownOnly(['signal', 'timeoutMs'], options)

/** `client.organization`. */
class OrganizationClient {
  #native
  constructor(client) {
    this.#native = client
  }

  async listOrganization(options) {
    return call((cancel) => this.#native.listOrganizations(json(options), cancel), options)
  }

  async listOrganizations(options) {
    return this.listOrganization(options)
  }

  async getOrganization(id, options) {
    return call((cancel) => this.#native.getOrganization(text('the organization id', id), cancel), callOptions(options))
  }

  async getOrganizationByExternalId(externalId, options) {
    return call((cancel) => this.#native.getOrganizationByExternalId(text('the external id', externalId), cancel), callOptions(options))
  }

  async createOrganization(displayName, fields, options) {
    return call(
      (cancel) => this.#native.createOrganization(text('the display name', displayName), json(fields, []), cancel),
      callOptions(options),
    )
  }

  async updateOrganization(id, fields, options) {
    return call(
      (cancel) => this.#native.updateOrganization(text('the organization id', id), json(fields, []), cancel),
      callOptions(options),
    )
  }

  async updateOrganizationByExternalId(externalId, fields, options) {
    return call(
      (cancel) => this.#native.updateOrganizationByExternalId(text('the external id', externalId), json(fields, []), cancel),
      callOptions(options),
    )
  }

  async updateOrganizationSettings(id, settings, options) {
    return call(
      (cancel) => this.#native.updateOrganizationSettings(text('the organization id', id), json(settings, []), cancel),
      callOptions(options),
    )
  }

  async generatePortalLink(id, options) {
    return call((cancel) => this.#native.generatePortalLink(text('the organization id', id), json(options), cancel), options)
  }

  async deleteOrganization(id, options) {
    await call((cancel) => this.#native.deleteOrganization(text('the organization id', id), cancel), callOptions(options))
  }

  all(options) {
    return new Listing(rethrow(() => this.#native.organizationPages(json(options), timeout(options?.timeoutMs))), options)
  }
}

/** `client.directory`. */
class DirectoryClient {
  #native
  constructor(client) {
    this.#native = client
  }

  async listDirectories(organizationId, options) {
    return call((cancel) => this.#native.listDirectories(text('the organization id', organizationId), cancel), callOptions(options))
  }

  async getDirectory(organizationId, directoryId, options) {
    return call((cancel) => this.#native.getDirectory(...ids(organizationId, directoryId), cancel), callOptions(options))
  }

  async getPrimaryDirectoryByOrganizationId(organizationId, options) {
    const directory = await call(
      (cancel) => this.#native.primaryDirectory(text('the organization id', organizationId), cancel),
      callOptions(options),
    )
    // The vendor's documentation destructures {directory}, its SDK returns the directory. Not enumerable, so that it is not printed or serialized.
    return Object.defineProperty(directory, 'directory', { value: directory })
  }

  async listDirectoryUsers(organizationId, directoryId, options) {
    return call((cancel) => this.#native.listUsers(...ids(organizationId, directoryId), json(options), cancel), options)
  }

  async listDirectoryGroups(organizationId, directoryId, options) {
    return call((cancel) => this.#native.listGroups(...ids(organizationId, directoryId), json(options), cancel), options)
  }

  async enableDirectory(organizationId, directoryId, options) {
    return call((cancel) => this.#native.enableDirectory(...ids(organizationId, directoryId), cancel), callOptions(options))
  }

  async disableDirectory(organizationId, directoryId, options) {
    return call((cancel) => this.#native.disableDirectory(...ids(organizationId, directoryId), cancel), callOptions(options))
  }

  users(organizationId, directoryId, options) {
    return new Listing(rethrow(() => this.#native.userPages(...ids(organizationId, directoryId), json(options), timeout(options?.timeoutMs))), options)
  }

  groups(organizationId, directoryId, options) {
    return new Listing(rethrow(() => this.#native.groupPages(...ids(organizationId, directoryId), json(options), timeout(options?.timeoutMs))), options)
  }
}

/** Checks the ids of an organization and a directory, and returns them as the first arguments of a call of the addon. */
const ids = (organizationId, directoryId) => [text('the organization id', organizationId), text('the directory id', directoryId)]

/** Passed by `fromEnv` instead of the URL: the constructor then reads the environment variables. */
const ENVIRONMENT = Symbol('environment')

/** Options of the constructor that are passed to the addon as separate arguments, not in the JSON. */
const SEPARATE = ['onActivity']

/** Options of the vendor's constructor that have no meaning here. */
const VENDOR_ONLY = ['toolTimeoutMs']

/** Returns the options without those that only the vendor's SDK has, and warns about them. */
function withoutVendorOptions(given) {
  const options = plain('the argument with the options', given)
  const present = VENDOR_ONLY.filter((name) => Object.hasOwn(options, name))
  if (present.length === 0) return options
  const set = present.filter((name) => options[name] !== undefined && options[name] !== null)
  if (set.length > 0) {
    process.emitWarning(`the option ${set.join(', ')} of the vendor's SDK has no meaning in headcount and is ignored`, { code: 'HEADCOUNT_OPTION' })
  }
  return Object.fromEntries(Object.entries(options).filter(([name]) => !VENDOR_ONLY.includes(name)))
}

class Client {
  #native

  constructor(environmentUrl, clientId, clientSecret, options) {
    // A variable that `process.env` does not have is undefined. It becomes an empty string, so that the core's error names the missing setting.
    const setting = (name, value) => text(name, value ?? '')
    options = withoutVendorOptions(options)
    const observer = observerOf(options)
    this.#native = rethrow(() =>
      environmentUrl === ENVIRONMENT
        ? native.NativeClient.fromEnv(variables(), json(options, SEPARATE), observer)
        : new native.NativeClient(
            setting('the environment URL', environmentUrl),
            setting('the client id', clientId),
            setting('the client secret', clientSecret),
            variables(),
            json(options, SEPARATE),
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
    return verifyInterceptorPayload(secret, headers, payload)
  }

  stats() {
    return parse(rethrow(() => this.#native.stats()))
  }

  close() {
    this.#native.close()
  }
}

module.exports = { Client }

// Arguments: values of other realms are accepted, and an argument that cannot be used is refused with an error that names it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createContext, runInContext } from 'node:vm'
import { Client, Mirror, ReplayGuard, Webhook, errors } from 'headcount'
import { webhook as http } from 'headcount/http'
import { deliver, event } from 'headcount/testing'
import { collect, startMirror } from './sandbox.mjs'

const limit = { timeout: 60_000 }
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const BODY = '{"id":"evt_1","type":"user.login","occurred_at":"2025-01-06T18:44:25Z","data":{}}'
const realm = createContext({ bytes: [...Buffer.from(BODY)] })
/** Evaluates an expression in another realm, whose classes are not those of this file. */
const foreign = (expression) => runInContext(`(${expression})`, realm)

/** Returns whether an error is an `InvalidArgumentError` with such a message, for `assert.throws`. */
const refusal = (pattern) => (error) => error instanceof errors.InvalidArgumentError && pattern.test(error.message)

test('the role map is read from any iterable and from plain objects, of any realm', limit, async (t) => {
  const { mirror } = startMirror(t)
  const expected = [['Engineering', 'developer'], ['*', 'member']]
  const maps = {
    list: expected,
    map: new Map(expected),
    set: new Set(expected),
    iterator: new Map(expected).entries(),
    generator: (function* () {
      yield* expected
    })(),
    object: { Engineering: 'developer', '*': 'member' },
    'object without a prototype': Object.assign(Object.create(null), { Engineering: 'developer', '*': 'member' }),
    'list of another realm': foreign('[["Engineering", "developer"], ["*", "member"]]'),
    'map of another realm': foreign('new Map([["Engineering", "developer"], ["*", "member"]])'),
    'object of another realm': foreign('({ Engineering: "developer", "*": "member" })'),
  }
  for (const [name, map] of Object.entries(maps)) {
    await mirror.setRoleMap([])
    await mirror.setRoleMap(map)
    assert.deepEqual((await mirror.roleMap()).sort(), [...expected].sort(), name)
  }
})

test('the error names the option, the data or the event that is nested too deeply', limit, async () => {
  const client = new Client('http://127.0.0.1:1', 'a', 'b')
  // The first is deeper than the addon permits, the second deeper than JSON.stringify permits.
  for (const levels of [200, 100_000]) {
    let deep = []
    for (let level = 0; level < levels; level += 1) deep = [deep]
    const named = (name) => refusal(new RegExp(`${name}.* nested too deep`))
    await assert.rejects(client.organization.updateOrganization('org_1', { metadata: deep }), named('the option metadata'))
    await assert.rejects(client.organization.updateOrganizationSettings('org_1', { features: deep }), named('the option features'))
    assert.throws(() => event('role.created', { data: { deep } }), named('data'))
  }
  let deep = {}
  for (let level = 0; level < 100_000; level += 1) deep = { deep }
  const made = { id: 'evt_1', type: 'role.created', data: deep }
  const mirror = new Mirror(':memory:')
  await assert.rejects(mirror.apply(made), refusal(/the event is nested too deeply/))
  await mirror.close()
})

test('a value that is not a role map is refused, and the stored role map is unchanged', limit, async (t) => {
  const { mirror } = startMirror(t)
  await mirror.setRoleMap([['*', 'member']])
  const alreadyRead = new Map([['*', 'member']]).entries()
  assert.equal([...alreadyRead].length, 1)
  class Settings {
    roles = 'member'
  }
  const refused = {
    promise: Promise.resolve([['*', 'admin']]),
    'promise of another realm': foreign('Promise.resolve([["*", "admin"]])'),
    thenable: { then: () => {} },
    'async iterator': (async function* () {})(),
    'iterator that was read': alreadyRead,
    string: 'member',
    'list of strings': ['member'],
    'list of lists of other lengths': [['a', 'b', 'c']],
    'object with other values': { Engineering: ['developer'] },
    'instance of a class': new Settings(),
    date: new Date(),
    buffer: new Uint8Array(2),
    null: null,
    undefined: undefined,
    number: 1,
    function: () => {},
  }
  for (const [name, map] of Object.entries(refused)) {
    await assert.rejects(mirror.setRoleMap(map), refusal(/^the role map /), name)
  }
  assert.deepEqual(await mirror.roleMap(), [['*', 'member']])
})

test('bytes, dates, headers and options of another realm are accepted', limit, async (t) => {
  const { client, organization, directory } = startMirror(t)
  const webhook = new Webhook(foreign(`["${SECRET}"]`))
  const headers = webhook.sign(BODY, { timestamp: foreign('new Date()') })
  const bodies = ['new Uint8Array(bytes)', 'new Uint8Array(bytes).buffer', 'new DataView(new Uint8Array(bytes).buffer)'].map(foreign)
  realm.pairs = Object.entries(headers)
  const forms = [headers, foreign('new Map(pairs)'), foreign('pairs.map(([name, value]) => [name, value])'), foreign('Object.fromEntries(pairs)')]
  for (const body of bodies) for (const form of forms) assert.equal(webhook.verify(body, form, { now: foreign('new Date()') }).id, 'evt_1')
  assert.equal((await collect(client.directory.users(organization, directory, { updatedAfter: foreign('new Date(0)') }))).length, 5)
  assert.throws(() => client.directory.users(organization, directory, { updatedAfter: foreign('new Date(NaN)') }), refusal(/updatedAfter is NaN: expected a valid date/))
})

test('the error names the argument that cannot be used', limit, async (t) => {
  const { mirror, client, organization } = startMirror(t)
  const webhook = new Webhook(SECRET)
  const promise = Promise.resolve({})
  for (const [call, pattern] of [
    [() => webhook.verify(promise, {}), /^the body is a promise \(await it first\)/],
    [() => webhook.verify(BODY, promise), /^the headers are a promise \(await it first\)/],
    [() => webhook.verify(BODY, {}, { Now: 1 }), /^the option Now is unknown: expected now/],
    [() => webhook.verify(BODY, {}, { now: '1' }), /^now is a string: expected a number/],
    [() => webhook.sign(BODY, { id: 1 }), /^the message id is a number/],
    [() => webhook.sign(BODY, { timestamp: 'now' }), /^timestamp is a string/],
    [() => new Webhook(SECRET, { tolerance: 5 }), /^the option tolerance is unknown \(expected .*toleranceSeconds.*maxBody/],
    [() => new Webhook(SECRET, { toleranceSeconds: '5' }), /^the option toleranceSeconds is a string: expected a number/],
    [() => new Webhook(promise), /^the webhook secret is a promise/],
    [() => new Mirror(':memory:', promise), /^the argument with the options is a promise/],
    [() => new Mirror(':memory:', { client: {} }), /^the client is an object: expected a Client/],
    [() => new Mirror(':memory:', { guard: 3 }), /^the option guard is unknown \(expected .*guardUsers.*client, webhookSecret\)/],
    [() => new Client('https://acme.scalekit.example', 'id', 'secret', { maxAttempts: 'x', timeoutMs: [1], retries: 3 }), /maxAttempts is a string: expected a whole number.*retries is unknown.*timeoutMs is a list: expected a number/],
    [() => new Client('https://acme.scalekit.example', 'id', 'secret', { retries: 3 }), /\(expected one of .*timeoutMs.*onActivity\)/],
    [() => new Client('https://acme.scalekit.example', 'id', 'secret', { proxy: () => {} }), /^the option proxy is a function/],
    [() => new Client('https://acme.scalekit.example', 'id', 'secret', new Map([['timeoutMs', 1]])), /^the argument with the options is a Map/],
    [() => new Client('https://acme.scalekit.example', 'id', 'secret', { onActivity: promise }), /^onActivity is a promise/],
    [() => client.organization.listOrganization(promise), /^the argument with the options is a promise/],
    [() => client.organization.listOrganization({ pagesize: 5 }), /^the option pagesize is unknown \(expected one of pageSize.*signal, timeoutMs\)/],
    [() => client.organization.listOrganization({ pageSize: 0 }), /^pageSize is 0/],
    [() => client.organization.listOrganization({ signal: 'stop' }), /^signal is a string: expected an AbortSignal/],
    [() => client.organization.listOrganization({ timeoutMs: '5' }), /^timeoutMs is a string/],
    [() => client.organization.createOrganization(promise), /^the display name is a promise/],
    [() => mirror.sync(organization, { concurrent: 1 }), /^the option concurrent is unknown \(expected .*onProgress, signal\)/],
    [() => mirror.sync(organization, { onProgress: 'loud' }), /^onProgress is a string: expected a function/],
    [() => mirror.plan(organization, { concurrency: 1 }), /^the option concurrency is unknown \(expected .*approveRemovals.*onProgress, signal\)/],
    [() => mirror.plan(organization, { mode: 'quick' }), /^the mode is unknown: expected one of auto, full, incremental/],
    [() => mirror.plan(organization, 7), /^the directory id is a number/],
    [() => mirror.plan(), /^the organization id is undefined/],
    [() => mirror.sync(organization, { signal: {} }), /^signal is an object: expected an AbortSignal/],
    [() => mirror.poll('app', { timeoutMs: 5 }), /^the option timeoutMs is unknown/],
    [() => mirror.poll('app', { groupByUser: 1 }), /groupByUser/],
    [() => mirror.wait('app', { groupByUser: true, timeoutMs: 0 }), /^the option groupByUser is unknown/],
    [() => mirror.holdUsers('hold_1', { signal: undefined, limit: 1 }), /^the option limit is unknown: expected signal/],
    [() => mirror.at(new Date(NaN), organization), /^the option moment is NaN: expected a valid date/],
    [() => mirror.at(undefined, organization), /^expected a moment, got none/],
    [() => mirror.at('2025-01-06T09:00:00', organization), /^the option moment is a string: expected RFC 3339/],
    [() => mirror.at('2025-01-06', undefined), /^the organization id is undefined/],
    [() => mirror.export(organization, { format: 'xlsx' }), /^the format is unknown: expected one of csv, ndjson/],
    [() => mirror.export(organization, { moment: 'yesterday' }), /^the option moment is a string: expected RFC 3339/],
    [() => mirror.export(), /^the organization id is undefined/],
    [() => mirror.history({ since: new Date(NaN) }), /^the option since is NaN: expected a valid date/],
    [() => mirror.history({ user: 'diruser_1' }), /user/],
    [() => mirror.approve('hold_1', { by: 'me', notes: 'x' }), /^the option notes is unknown: expected by, note/],
    [() => mirror.approve('hold_1', null), /^`by` is undefined: expected text/],
    [() => mirror.retire('dir_1', 'me'), /^the decision is a string: expected an object/],
    [() => webhook.sign(BODY, { ID: 'msg_1' }), /^the option ID is unknown: expected id, timestamp/],
    [() => new ReplayGuard().check('msg_1', { Now: 1 }), /^the option Now is unknown: expected now/],
    [() => new ReplayGuard().commit('msg_1', 5), /^the argument with the options is a number/],
    [() => new ReplayGuard().claim('msg_1', new Map([['now', 1]])), /^the argument with the options is a Map/],
    [() => deliver('http://127.0.0.1:1/', 'user.login', { secrets: SECRET }), /^the option secrets is unknown: expected secret, overrides, id, timestamp/],
    [() => ReplayGuard.custom(promise), /^the store has no function contains/],
    [() => new ReplayGuard({ capacity: 'many' }), /^the option capacity is a string: expected a whole number/],
    [() => http(() => {}, { webhook: promise }), /^the option webhook is a promise/],
    [() => http(promise, { webhook }), /^the handler is a promise/],
    [() => http(() => {}, { webhook, guard: 1, onerror: 1 }), /^the option guard, onerror is unknown: expected webhook, replayGuard, onError/],
  ]) {
    await assert.rejects(async () => call(), refusal(pattern), String(call))
  }
})

test('a Map is refused as options, even with properties of its own', limit, () => {
  const options = Object.assign(new Map([['timeoutMs', 1]]), { toolTimeoutMs: 1 })
  assert.throws(() => new Client('https://acme.scalekit.example', 'id', 'secret', options), refusal(/^the argument with the options is a Map/))
})

test('calls refuse unknown options before they send a request, and the error lists the options that exist', limit, async (t) => {
  const { client, organization, directory } = startMirror(t)
  const { organization: organizations, directory: directories } = client
  const calls = {
    getOrganization: (options) => organizations.getOrganization(organization, options),
    getOrganizationByExternalId: (options) => organizations.getOrganizationByExternalId('ext_1', options),
    createOrganization: (options) => organizations.createOrganization('Acme', {}, options),
    updateOrganization: (options) => organizations.updateOrganization(organization, {}, options),
    updateOrganizationByExternalId: (options) => organizations.updateOrganizationByExternalId('ext_1', {}, options),
    updateOrganizationSettings: (options) => organizations.updateOrganizationSettings(organization, { features: [] }, options),
    generatePortalLink: (options) => organizations.generatePortalLink(organization, options),
    deleteOrganization: (options) => organizations.deleteOrganization(organization, options),
    listOrganization: (options) => organizations.listOrganization(options),
    listOrganizations: (options) => organizations.listOrganizations(options),
    all: (options) => organizations.all(options),
    listDirectories: (options) => directories.listDirectories(organization, options),
    getDirectory: (options) => directories.getDirectory(organization, directory, options),
    getPrimaryDirectoryByOrganizationId: (options) => directories.getPrimaryDirectoryByOrganizationId(organization, options),
    enableDirectory: (options) => directories.enableDirectory(organization, directory, options),
    disableDirectory: (options) => directories.disableDirectory(organization, directory, options),
    listDirectoryUsers: (options) => directories.listDirectoryUsers(organization, directory, options),
    listDirectoryGroups: (options) => directories.listDirectoryGroups(organization, directory, options),
    users: (options) => directories.users(organization, directory, options),
    groups: (options) => directories.groups(organization, directory, options),
  }
  const methods = [organizations, directories].flatMap((part) => Object.getOwnPropertyNames(Object.getPrototypeOf(part)))
  assert.deepEqual(Object.keys(calls).sort(), methods.filter((name) => name !== 'constructor').sort())
  const { requests } = client.stats()
  for (const [name, call] of Object.entries(calls)) {
    await assert.rejects(async () => call({ timeoutMS: 1 }), refusal(/^the option timeoutMS is unknown.*expected .*signal, timeoutMs/), name)
    await assert.rejects(async () => call(new Map([['timeoutMs', 1]])), refusal(/^the argument with the options is a Map/), name)
    await assert.rejects(async () => call(5), refusal(/^the argument with the options is a number/), name)
  }
  assert.equal(client.stats().requests, requests)
})

test('null and undefined mean that there are no options', limit, async (t) => {
  const { client, mirror, organization, directory } = startMirror(t)
  for (const none of [null, undefined]) {
    new Client('https://acme.scalekit.example', 'id', 'secret', none).close()
    assert.equal((await client.organization.listOrganization(none)).organizations.length, 1)
    assert.equal((await client.directory.listDirectoryUsers(organization, directory, { pageToken: none, updatedAfter: none, signal: none })).users.length, 5)
    assert.equal(new Webhook(SECRET, none).verify(BODY, new Webhook(SECRET).sign(BODY, none), none).id, 'evt_1')
    assert.equal((await mirror.sync(organization, none, none)).length, 1)
  }
})

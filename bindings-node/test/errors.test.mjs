// Errors: kind, JSON, and the stack of the caller. Objects that are parsed from JSON have no own `__proto__`.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { Client, Webhook, errors } from 'headcount'
import { startMirror } from './sandbox.mjs'

const limit = { timeout: 60_000 }
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

test('an error has a kind, and its JSON has the name, the message and the fields', limit, async (t) => {
  const { client } = startMirror(t)
  const error = await client.organization.getOrganization('org_none').catch((error) => error)
  assert.equal(error.kind, 'not_found')
  const json = JSON.parse(JSON.stringify(error))
  for (const name of ['name', 'message', 'kind', 'status', 'temporary', 'context', 'code']) assert.deepEqual(json[name], error[name], name)
  assert.equal(json.name, 'NotFoundError')
  assert.equal('stack' in json, false)

  assert.equal(new errors.InvalidArgumentError('no').kind, 'invalid_argument')
  class Own extends errors.ConfigError {}
  assert.equal(new Own('no').kind, 'config')
  assert.equal(new errors.Error('no').kind, undefined)
  assert.throws(() => new Webhook(1), (error) => error.kind === 'invalid_argument')
  assert.throws(() => new Webhook('whsec_x'), (error) => error.kind === 'config' && error.reason === 'invalid_secret')
  assert.throws(() => new Client('', '', ''), (error) => error.kind === 'config')
})

test('the stack of an error contains the function that made the call', limit, async (t) => {
  const { client, mirror, organization } = startMirror(t)
  const calls = {
    theClientCall: function theClientCall() {
      return client.organization.getOrganization('org_none')
    },
    theListing: function theListing() {
      return client.directory.users(organization, 'dir_none').next()
    },
    theListingAfterAnother: function theListingAfterAnother() {
      const listing = client.directory.users(organization, 'dir_none')
      listing.next().catch(() => {})
      return listing.next()
    },
    theSync: function theSync() {
      return mirror.sync('org_none')
    },
    theSyncWithProgress: function theSyncWithProgress() {
      return mirror.sync('org_none', { onProgress: () => {} })
    },
    theLink: function theLink() {
      return mirror.link('diruser_none', 'account')
    },
    theUsers: function theUsers() {
      return mirror.holdUsers('none').next()
    },
    theWait: function theWait() {
      return mirror.wait('app', { signal: AbortSignal.abort() })
    },
    theArgument: function theArgument() {
      return mirror.user(1)
    },
  }
  for (const [name, call] of Object.entries(calls)) {
    // Without `await`: with it, V8 itself would add the caller to the stack.
    const error = await new Promise((resolve, reject) => {
      try {
        call().then(() => reject(new Error(`${name} succeeded`)), resolve)
      } catch (error) {
        resolve(error)
      }
    })
    assert.ok(error instanceof errors.Error, `${name}: ${error}`)
    assert.ok(error.stack.startsWith(`${error.name}: ${error.message}\n`), error.stack)
    assert.ok(error.stack.includes(`${name} `), `${name}: ${error.stack}`)
  }
})

test('data of events has no own __proto__ that a copy could use', limit, () => {
  const webhook = new Webhook(SECRET)
  for (const key of ['__proto__', '\\u005f_proto__', '_\\u005Fproto__', '__pr\\u006fto__']) {
    const body = `{"id":"evt_1","type":"user.login","occurred_at":"2025-01-06T18:44:25Z","data":{"id":"usr_1","${key}":{"isAdmin":true},"nested":[{"${key}":{"isAdmin":true},"__name":"kept"}]}}`
    const { data } = webhook.verify(body, webhook.sign(body))
    const copy = Object.assign({}, data)
    assert.equal(copy.isAdmin, undefined, key)
    assert.deepEqual(Object.keys(data), ['id', 'nested'], key)
    assert.deepEqual(Object.keys(data.nested[0]), ['__name'], key)
    assert.equal(Object.assign({}, data.nested[0]).isAdmin, undefined, key)
  }
})

/** JSON with an own `__proto__` in an object, and in an object inside of a list. */
const BAD = '{"kept":1,"__proto__":{"isAdmin":true},"nested":[{"__proto__":{"isAdmin":true},"kept":2}]}'

/** Returns a client of a server that lists a user whose detail is `BAD`, and answers every other call with an error whose details are `BAD`. */
async function serveBadKeys(t) {
  const server = createServer((request, response) => {
    const user = `{"id":"diruser_1","email":"ada@example.com","user_detail":${BAD}}`
    const body = request.url.startsWith('/oauth/token')
      ? '{"access_token":"token","expires_in":3600,"token_type":"Bearer"}'
      : request.url.includes('/users')
        ? `{"users":[${user}],"total_size":1}`
        : `{"code":5,"message":"not found","details":[${BAD}]}`
    request.resume()
    response.writeHead(body.includes('details') ? 404 : 200, { 'content-type': 'application/json' }).end(body)
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  return new Client(`http://127.0.0.1:${server.address().port}`, 'skc_1', 'secret')
}

/** Checks that a value parsed from `BAD` has no own `__proto__`, at either depth. */
function assertNoProto(value) {
  assert.deepEqual(Object.keys(value), ['kept', 'nested'])
  assert.deepEqual(Object.keys(value.nested[0]), ['kept'])
  assert.equal(Object.assign({}, value).isAdmin, undefined)
}

test("a listed user's detail has no own __proto__", limit, async (t) => {
  const client = await serveBadKeys(t)
  const { users } = await client.directory.listDirectoryUsers('org_1', 'dir_1')
  assertNoProto(users[0].userDetail)
  for await (const user of client.directory.users('org_1', 'dir_1')) assertNoProto(user.userDetail)
})

test("an error's details have no own __proto__", limit, async (t) => {
  const client = await serveBadKeys(t)
  const error = await client.organization.getOrganization('org_1').catch((error) => error)
  assert.equal(error.status, 404)
  assertNoProto(error.details[0])
})

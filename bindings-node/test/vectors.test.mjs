// The shared vectors. tests/vectors/README.md describes them.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ReplayGuard, Webhook, errors, verifyInterceptorPayload, verifyWebhookPayload } from 'headcount'

const load = (name) => JSON.parse(readFileSync(new URL(`../../tests/vectors/${name}.json`, import.meta.url), 'utf8'))

/** Returns the bytes that a vector describes: as text, in hexadecimal, or as text with repeated parts. */
function bytes(form) {
  if (typeof form === 'string') return Buffer.from(form)
  if ('hex' in form) return Buffer.from(form.hex, 'hex')
  const { prefix = '', repeat, count, middle = '', repeat_after = '', suffix = '' } = form
  return Buffer.from(prefix + repeat.repeat(count) + middle + repeat_after.repeat(count) + suffix)
}

/** Returns the headers of a vector as pairs of strings. */
const pairs = (headers) => headers.map(([name, value]) => [name, bytes(value).toString('latin1')])

/** Returns the headers in every form that is accepted: each vector runs with each. */
function shapes(headers) {
  const list = pairs(headers)
  const object = {}
  for (const [name, value] of list) object[name] = name in object ? [object[name], value].flat() : value
  const arrays = Object.fromEntries(Object.entries(object).map(([name, value]) => [name, [value].flat()]))
  return { pairs: list, object, arrays, map: new Map(Object.entries(object)), raw: list.flat() }
}

/** Checks that `run` returns an event or throws, as a vector expects. */
function check(run, expect, name) {
  let event
  try {
    event = run()
  } catch (error) {
    assert.ok(error instanceof errors.WebhookVerificationError, `${name}: ${error.stack}`)
    assert.equal(error.reason, expect.reason, `${name}: ${error.message}`)
    return
  }
  assert.ok(expect.ok, `${name}: accepted, expected ${expect.reason}`)
  if (expect.event) {
    const { id, type, occurredAt: occurred_at, organizationId: organization_id, environmentId: environment_id } = event
    assert.deepEqual({ id, type, occurred_at, organization_id, environment_id }, expect.event, name)
  }
}

test('messages are accepted or refused as the vectors expect, with headers in every form', () => {
  const { cases } = load('webhook_verify')
  assert.ok(cases.length >= 80)
  for (const { name, call, secrets, tolerance, now, headers, body, expect } of cases) {
    const webhook = new Webhook(secrets, { toleranceSeconds: tolerance })
    const verify = { verify: 'verify', verify_signature: 'verifySignature' }[call]
    for (const [shape, form] of Object.entries(shapes(headers))) {
      check(() => webhook[verify](bytes(body), form, { now }), expect, `${name} (${shape})`)
    }
  }
})

test('secrets are accepted or refused as the vectors expect', () => {
  for (const { name, secret, ok } of load('webhook_secrets').cases) {
    let error
    try {
      new Webhook(secret)
    } catch (thrown) {
      error = thrown
    }
    assert.equal(error === undefined, ok, `${name}: ${error}`)
    if (ok) continue
    assert.ok(error instanceof errors.ConfigError, name)
    assert.equal(error.reason, 'invalid_secret', name)
    if (typeof secret === 'string') {
      assert.throws(
        () => verifyWebhookPayload(secret, { 'webhook-id': 'x' }, ''),
        (thrown) => thrown instanceof errors.WebhookVerificationError && thrown.reason === 'invalid_secret',
        name,
      )
    }
  }
})

test('messages are signed as the vectors expect', () => {
  for (const { name, secret, id, timestamp, body, headers } of load('webhook_sign').cases) {
    assert.deepEqual(new Webhook(secret).sign(bytes(body), { id, timestamp }), headers, name)
  }
})

test('parsed bodies are accepted or refused as the vectors expect', () => {
  let fromRaw = 0
  for (const { name, secret, now, headers, raw, compact, runnable_from_raw, expect } of load('webhook_parsed').cases) {
    const webhook = new Webhook(secret)
    if (!runnable_from_raw.includes('node') && runnable_from_raw.length > 0) continue
    fromRaw += runnable_from_raw.includes('node') ? 1 : 0
    const parsed = JSON.parse(runnable_from_raw.includes('node') ? raw : compact)
    check(() => webhook.verify(parsed, pairs(headers), { now }), expect, name)
  }
  assert.ok(fromRaw > 10)
})

test('the functions for interceptors accept and refuse messages as the vectors expect', () => {
  const { cases } = load('webhook_interceptors')
  assert.ok(cases.length >= 12)
  for (const { name, call, secret, body, headers, expect } of cases) {
    const sent = headers.flatMap(({ family, signed_with, parts }) =>
      Object.entries(new Webhook(signed_with).sign(body))
        .filter(([header]) => parts.includes(header.replace('webhook-', '')))
        .map(([header, value]) => [header.replace('webhook', family), value]),
    )
    const verify = { interceptor: verifyInterceptorPayload, webhook: verifyWebhookPayload }[call]
    for (const form of [Buffer.from(body), JSON.parse(body)]) {
      for (const shape of [sent, Object.fromEntries(sent)]) check(() => verify(secret, shape, form), expect, name)
    }
  }
})

test('the 41 published events verify with their data', () => {
  const events = Object.entries(load('webhook_events'))
  assert.equal(events.length, 41)
  const webhook = new Webhook('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')
  for (const [type, expected] of events) {
    for (const body of [JSON.stringify(expected), JSON.stringify(expected, null, 2)]) {
      const event = webhook.verify(Buffer.from(body), webhook.sign(body))
      assert.equal(event.type, type)
      assert.equal(event.id, expected.id)
      assert.deepEqual(event.data, expected.data)
    }
    assert.equal(webhook.verify(structuredClone(expected), webhook.sign(JSON.stringify(expected))).type, type)
  }
})

test('repeated messages are recognized as the vectors expect, by every kind of replay guard', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'headcount-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const { cases } = load('webhook_replay')
  assert.ok(cases.length >= 25)
  for (const { name, now: start, retention: retentionSeconds, capacity, steps } of cases) {
    let now = start
    const kept = new Map()
    const store = { contains: async (id) => kept.get(id) > new Date(now * 1000), record: async (id, expiresAt) => void kept.set(id, expiresAt) }
    const guards = { memory: new ReplayGuard({ retentionSeconds, capacity: capacity ?? 1000 }) }
    if (capacity === undefined) {
      guards.sqlite = ReplayGuard.sqlite(join(folder, `${name}.db`), { retentionSeconds })
      guards.custom = ReplayGuard.custom(store, { retentionSeconds })
    }
    for (const [kind, guard] of Object.entries(guards)) {
      now = start
      for (const [at, { check, expect, commit, advance }] of steps.entries()) {
        if (check !== undefined) assert.equal((await guard.check(check, { now })) ? 'first' : 'again', expect, `${name}, ${kind}, step ${at}`)
        if (commit !== undefined) await guard.commit(commit, { now })
        if (advance !== undefined) now += advance
      }
    }
  }
})

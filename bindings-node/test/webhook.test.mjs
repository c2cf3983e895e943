// What the shared vectors do not cover: the forms of bodies and headers in JavaScript, the functions that take a secret, and events as objects.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { Client, Webhook, errors, verifyInterceptorPayload, verifyWebhookPayload } from 'headcount'
import { assertFields } from './sandbox.mjs'

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const body = '{"id":"evt_1","type":"t","occurred_at":"2025-01-01T00:00:00.123456789Z","data":{"first_name":"José","metadata":{"a_b":1}}}'
const webhook = new Webhook(secret)

test('a body is accepted in every form', () => {
  const headers = webhook.sign(body)
  const bytes = new TextEncoder().encode(body)
  for (const form of [body, Buffer.from(body), bytes, bytes.buffer, new DataView(bytes.buffer), JSON.parse(body)]) {
    const event = webhook.verify(form, headers)
    assert.deepEqual(event.data, { first_name: 'José', metadata: { a_b: 1 } })
    assert.equal(event.occurredAt, '2025-01-01T00:00:00.123456789Z')
    assert.equal(webhook.verifySignature(form, headers), true)
    assert.equal(verifyWebhookPayload(secret, headers, form), true)
  }
  for (const wrong of [undefined, null, 1, true]) {
    assert.throws(() => webhook.verify(wrong, headers), errors.InvalidArgumentError)
  }
})

test('verify reads the headers in every form', () => {
  const headers = webhook.sign(body)
  const mixed = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]))
  const others = { host: 'x', Accept: ['a', 'b'], 'content-length': undefined }
  const arrays = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]))
  const forms = [headers, { ...others, ...headers }, mixed, arrays, new Headers(headers), new Map(Object.entries(headers))]
  forms.push(Object.entries(headers), Object.entries(headers).flat(), Object.assign(Object.create(null), headers))
  forms.push(['Host', 'x', ...Object.entries(headers).flat(), 'Accept', '*/*'], Object.entries(mixed).flat())
  // If headers are repeated, the first id, the first timestamp and every signature count.
  const flat = Object.entries(headers).flat()
  forms.push([...flat, 'webhook-id', 'msg_other', 'webhook-timestamp', '1'], ['webhook-signature', 'v1,AAAA', ...flat])
  for (const form of forms) {
    for (const bytes of [body, Buffer.from(body)]) assert.equal(webhook.verify(bytes, form).id, 'evt_1')
  }
  assert.throws(() => webhook.verify(Buffer.from(body), ['webhook-id', 'msg_other', ...flat]), { reason: 'no_match' })
  for (const value of [`${headers['webhook-id']}\n`, `${headers['webhook-id']}\nx`, 'msg_ü', 'msg_ı']) {
    assert.throws(() => webhook.verify(Buffer.from(body), { ...headers, 'webhook-id': value }), { reason: 'no_match' })
    assert.throws(() => verifyWebhookPayload(secret, { ...headers, 'webhook-id': value }, Buffer.from(body)), { reason: 'no_match' })
  }
  const repeated = { ...headers, 'webhook-signature': ['v1,AAAA', headers['webhook-signature']] }
  assert.equal(webhook.verify(body, repeated).id, 'evt_1')
  for (const wrong of [undefined, null, 'webhook-id', 1]) {
    assert.throws(() => webhook.verify(body, wrong), errors.InvalidArgumentError)
  }
  assert.throws(() => webhook.verify(body, { ...headers, 'webhook-timestamp': 1 }), errors.InvalidArgumentError)
  assert.throws(() => webhook.verify(body, {}), { reason: 'missing_header' })
})

test('a webhook verifies with any of its secrets, and within the tolerance of the given time', () => {
  const other = new Webhook('whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')
  assert.throws(() => webhook.verify(body, other.sign(body)), { reason: 'no_match' })
  const both = new Webhook([secret, 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'])
  assert.equal(both.verify(body, other.sign(body)).id, 'evt_1')
  const at = new Date('2025-01-01T00:00:00Z')
  const kept = webhook.sign(body, { id: 'msg_1', timestamp: at })
  assert.equal(kept['webhook-timestamp'], '1735689600')
  assert.equal(webhook.verify(body, kept, { now: at }).id, 'evt_1')
  assert.equal(webhook.verify(body, kept, { now: 1735689600 + 300 }).id, 'evt_1')
  assert.throws(() => webhook.verify(body, kept, { now: 1735689600 + 301 }), { reason: 'too_old' })
  assert.throws(() => webhook.verify(body, kept, { now: 1735689600 - 301 }), { reason: 'too_new' })
  assert.equal(new Webhook(secret, { toleranceSeconds: 301 }).verify(body, kept, { now: 1735689600 + 301 }).id, 'evt_1')
  assert.throws(() => new Webhook(secret, { maxBody: 3 }).verify(body, kept, { now: at }), { reason: 'body_too_large' })
  assert.throws(() => webhook.verify(body, kept, { now: new Date(NaN) }), errors.InvalidArgumentError)
  assert.throws(() => new Webhook(secret, { toleranceSeconds: -1 }), errors.InvalidArgumentError)
  assert.throws(() => webhook.sign(body, { id: 'a\nb' }), errors.InvalidArgumentError)
})

test('the functions that take a secret work with and without await', async () => {
  const client = new Client('https://acme.scalekit.example', 'id', 'secret')
  const headers = webhook.sign(body)
  assert.equal(client.verifyWebhookPayload(secret, headers, body), true)
  assert.equal(await client.verifyWebhookPayload(secret, headers, JSON.parse(body)), true)
  const interceptor = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.replace('webhook', 'interceptor'), value]))
  assert.equal(client.verifyInterceptorPayload(secret, interceptor, body), true)
  assert.equal(verifyInterceptorPayload(secret, interceptor, body), true)
  await assert.rejects(async () => client.verifyWebhookPayload(secret, headers, `${body} `), { reason: 'no_match' })
  assert.throws(() => client.verifyWebhookPayload(undefined, headers, body), { reason: 'invalid_secret' })
})

test('a parsed body that cannot be serialized again is refused', () => {
  let deep = []
  for (let level = 0; level < 100_000; level++) deep = [deep]
  assert.throws(() => webhook.verify(deep, webhook.sign('[]')), { name: 'WebhookVerificationError', reason: 'no_match' })
})

const message = {
  id: 'evt_1', messageId: 'msg_1', type: 't', occurredAt: '2025-01-01T00:00:00.123456789Z', environmentId: '', organizationId: '',
  object: '', displayName: '', specVersion: '', data: { first_name: 'José', metadata: { a_b: 1 } },
}
const verified = () => webhook.verify(Buffer.from(body), webhook.sign(body, { id: 'msg_1' }))

test('an event is a plain object, although its data is parsed when it is first read', () => {
  // Each use runs with an event whose data has not been read yet, and then with the same event again.
  const uses = {
    'copied': (event) => ({ ...event }),
    'assigned': (event) => Object.assign({}, event),
    'cloned': (event) => structuredClone(event),
    'serialized': (event) => JSON.parse(JSON.stringify(event)),
    'destructured': ({ data, ...rest }) => ({ ...rest, data }),
    'as entries': (event) => Object.fromEntries(Object.entries(event)),
    'through a proxy': (event) => ({ ...new Proxy(event, {}) }),
    'frozen': (event) => Object.freeze(event),
    'itself': (event) => event,
  }
  for (const [name, use] of Object.entries(uses)) {
    const event = verified()
    assert.deepStrictEqual(use(event), message, name)
    assert.deepStrictEqual(use(event), message, name)
    assert.equal(inspect(use(verified()), { depth: 5 }), inspect(message, { depth: 5 }), name)
  }
  assert.deepStrictEqual(verified(), verified())
  assert.notDeepStrictEqual(verified(), { ...message, data: {} })
  assert.deepEqual(Object.keys(verified()), Object.keys(message))
  assert.ok('data' in verified() && Object.hasOwn(verified(), 'data'))
  assert.equal(Object.getPrototypeOf(verified()), Object.prototype)
  assert.equal(inspect({ events: [verified()] }), inspect({ events: [message] }))
  const event = verified()
  assert.equal(event.data, event.data)
  assert.equal(Object.create(event).data, event.data)
})

test('assignments to an event are kept, and changes of the body do not affect it', () => {
  const event = verified()
  event.data = { id: 'mine' }
  assert.deepEqual([event.data, { ...event }.data], [{ id: 'mine' }, { id: 'mine' }])
  event.type = 'another'
  assert.equal(event.type, 'another')
  delete event.data
  assert.equal(event.data, undefined)

  const bytes = Buffer.from(body)
  const later = webhook.verify(bytes, webhook.sign(body))
  bytes.fill(0)
  assert.deepEqual(later.data, message.data)
})

test('long fields and fields with unusual characters are complete', () => {
  for (const text of ['', 'x'.repeat(127), 'x'.repeat(128), 'x'.repeat(10_000), 'Žofie 😀', '\0', 'a"\\\n', '\u2028', '\ud800']) {
    const sent = { id: `evt_${text}`, type: `t_${text}`, occurred_at: '2025-01-01T00:00:00Z', display_name: text, data: { [text]: [text, { ü: text }] } }
    // A lone surrogate counts as U+FFFD.
    const read = text === '\ud800' ? '\ufffd' : text
    const bytes = Buffer.from(JSON.stringify(sent))
    const event = webhook.verify(bytes, webhook.sign(bytes, { id: 'm'.repeat(200) }))
    assertFields(event, { id: `evt_${read}`, type: `t_${read}`, displayName: read, messageId: 'm'.repeat(200) })
    assert.deepEqual(event.data, { [read]: [read, { ü: read }] })
  }
  for (const data of ['null', '1e3', '"text"', '[]', 'false']) {
    const bytes = Buffer.from(`{"id":"evt_1","type":"t","occurred_at":"2025-01-01T00:00:00Z","data":${data}}`)
    const event = webhook.verify(bytes, webhook.sign(bytes))
    assert.deepStrictEqual(event.data, JSON.parse(data))
  }
})

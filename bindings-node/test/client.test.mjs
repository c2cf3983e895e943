// The client, with the sandbox and with servers that send wrong answers.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, ScalekitClient, errors } from 'headcount'
import { assertFields, eventually, startSandbox, temporaryFolder } from './sandbox.mjs'

const collect = async (listing) => {
  const items = []
  for await (const item of listing) items.push(item)
  return items
}

test('calls return the organizations, directories, users and groups of the sandbox', async (t) => {
  const sandbox = await startSandbox(t, { organizations: 15, users: 75, groups: 5 })
  const client = sandbox.client()
  const { organization_id: org, directory_id: dir } = sandbox

  const page = await client.organization.listOrganization({ pageSize: 10 })
  assert.deepEqual(Object.keys(page).sort(), ['nextPageToken', 'organizations', 'prevPageToken', 'totalSize'])
  assert.equal(page.organizations.length, 10)
  assert.equal(page.totalSize, 15)
  const rest = await client.organization.listOrganizations({ pageSize: 10, pageToken: page.nextPageToken })
  assert.equal(rest.organizations.length, 5)
  assert.equal(new Set((await collect(client.organization.all())).map(({ id }) => id)).size, 15)
  const { organization } = await client.organization.getOrganization(org)
  assert.equal(organization.id, org)
  assert.ok(organization.displayName && organization.externalId)
  assert.deepEqual(await client.organization.getOrganizationByExternalId(organization.externalId), { organization })
  assert.deepEqual((await client.organization.listOrganization({ externalId: organization.externalId })).organizations, [organization])

  const { directories } = await client.directory.listDirectories(org)
  assert.equal(directories[0].id, dir)
  const { directory } = await client.directory.getDirectory(org, dir)
  assert.deepEqual(directory, directories[0])
  const primary = await client.directory.getPrimaryDirectoryByOrganizationId(org)
  assert.equal(primary.id, dir)
  assert.equal(primary.directory, primary)
  assert.deepEqual(JSON.parse(JSON.stringify(primary)), directory)
  assert.deepEqual(await client.directory.disableDirectory(org, dir), { enabled: false, errorMessage: '' })
  assert.deepEqual(await client.directory.enableDirectory(org, dir), { enabled: true, errorMessage: '' })

  const users = await client.directory.listDirectoryUsers(org, dir, { pageSize: 30, includeDetail: true })
  assert.equal(users.users.length, 30)
  assert.equal(users.totalSize, 75)
  const [user] = users.users
  assert.match(user.updatedAt, /^\d{4}-\d\d-\d\dT/)
  assert.equal(typeof user.userDetail, 'object')
  assert.ok(user.givenName && user.familyName && user.email)
  const plain = await client.directory.listDirectoryUsers(org, dir, { pageSize: 1 })
  assert.equal(plain.users[0].userDetail, undefined)
  const { groups } = await client.directory.listDirectoryGroups(org, dir, { includeDetail: true, includeExternalGroups: false })
  assert.equal(groups.length, 5)
  const members = await collect(client.directory.users(org, dir, { directoryGroupId: groups[0].id }))
  assert.equal(members.length, groups[0].totalUsers)
  const everybody = await collect(client.directory.users(org, dir))
  assert.equal(new Set(everybody.map(({ id }) => id)).size, 75)
  assert.equal((await collect(client.directory.groups(org, dir, { pageSize: 2 }))).length, 5)
  const moments = everybody.map(({ updatedAt }) => updatedAt).sort()
  const after = await collect(client.directory.users(org, dir, { updatedAfter: new Date(moments[40]) }))
  assert.ok(after.length < 75 && after.length >= 30, String(after.length))
  assert.equal((await collect(client.directory.users(org, dir, { updatedAfter: '2099-01-01T00:00:00Z' }))).length, 0)
})

test('an organization is created, updated and deleted', async (t) => {
  const sandbox = await startSandbox(t)
  const client = sandbox.client()
  const { organization } = await client.organization.createOrganization('Söhne', { externalId: 't_1', metadata: { planName: 'team' } })
  assertFields(organization, { displayName: 'Söhne', externalId: 't_1', metadata: { planName: 'team' } })
  const changed = await client.organization.updateOrganization(organization.id, { displayName: 'Töchter', slug: 'tochter' })
  assertFields(changed.organization, { displayName: 'Töchter', slug: 'tochter', externalId: 't_1' })
  assert.equal(await client.organization.deleteOrganization(organization.id), undefined)
  await assert.rejects(client.organization.deleteOrganization(organization.id), errors.NotFoundError)
  await assert.rejects(client.organization.createOrganization(''), errors.BadRequestError)
  await assert.rejects(client.organization.createOrganization('Acme', { external_id: 't_2' }), errors.InvalidArgumentError)
  await assert.rejects(client.organization.updateOrganization(undefined, {}), errors.InvalidArgumentError)
})

test('each fault of a server rejects with its error class, and temporary errors are retried', async (t) => {
  const good = JSON.stringify({ organization: { id: 'org_1' } })
  const seen = {}
  const server = createServer((request, response) => {
    const answer = (status, body = '', headers = {}) => response.writeHead(status, headers).end(body)
    if (request.method === 'POST') return answer(200, '{"access_token":"t0ken","expires_in":3600}')
    const fault = request.url.split('/').at(-1)
    seen[fault] = (seen[fault] ?? 0) + 1
    const [name, once] = fault.split('-')
    if (once && seen[fault] > 1) return answer(200, good)
    if (/^\d+$/.test(name)) return answer(Number(name), '{"message":"chosen by the test"}')
    if (name === 'wait') return answer(429, '', { 'retry-after': '0' })
    if (name === 'absurd') return answer(429, '', { 'retry-after': '99999999999999999999' })
    if (name === 'html') return answer(200, '<html>ada@example.com</html>')
    if (name === 'wrong') return answer(200, '{"organization":{"id":["ada@example.com"]}}')
    if (name === 'array') return answer(200, '[]')
    if (name === 'junk') return answer(200, 'junk'.repeat(10 << 18))
    if (name === 'redirect') return answer(302, '', { location: 'https://elsewhere.example/' })
    if (name === 'half') response.writeHead(200, { 'content-length': good.length }).write(good.slice(0, 9))
    return setImmediate(() => request.socket.destroy()) // for 'half' after a part of the answer, for 'reset' without an answer
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const url = `http://127.0.0.1:${server.address().port}`
  for (const [fault, error, requests] of [
    ['401', errors.AuthenticationError, 2],
    ['401-once', undefined, 2],
    ['403', errors.PermissionDeniedError, 1],
    ['404', errors.NotFoundError, 1],
    ['wait-once', undefined, 2],
    ['absurd', errors.RateLimitError, 1],
    ['500', errors.ServerError, 3],
    ['503-once', undefined, 2],
    ['html', errors.DecodeError, 3],
    ['wrong', errors.DecodeError, 1],
    ['array', errors.DecodeError, 1],
    ['junk', errors.DecodeError, 1],
    ['redirect', errors.ApiError, 1],
    ['half', errors.ConnectionError, 3],
    ['half-once', undefined, 2],
    ['reset', errors.ConnectionError, 3],
    ['reset-once', undefined, 2],
  ]) {
    const client = new Client(url, 'skc_1', 'secret', { maxAttempts: 3, retryBaseMs: 1, retryCapMs: 2, timeoutMs: 20_000 })
    const call = client.organization.getOrganization(fault)
    if (error === undefined) assert.equal((await call).organization.id, 'org_1', fault)
    else await assert.rejects(call, (thrown) => thrown instanceof error && !/ada@|t0ken/.test(`${thrown} ${thrown.message}`), fault)
    assert.equal(seen[fault], requests, fault)
    client.close()
  }
})

test('calls have deadlines, and the client counts its requests', async (t) => {
  const sandbox = await startSandbox(t, { users: 75 })
  const client = sandbox.client({ maxConcurrency: 2, userAgentSuffix: 'acme/1.0', proxy: '' })
  const users = await collect(client.directory.users(sandbox.organization_id, sandbox.directory_id, { readAhead: false }))
  assert.equal(users.length, 75)
  const { bytes, ...stats } = client.stats()
  assert.deepEqual(stats, { requests: 4, retries: 0, throttled: 0, tokenRenewals: 1, pages: 3 })
  assert.ok(bytes > 10_000)
  await sandbox.control('PUT', '/fault', { faults: ['latency:30s'], every: 1 })
  await assert.rejects(client.organization.getOrganization('org_1', { timeoutMs: 50 }), errors.TimeoutError)
  const listing = client.directory.users(sandbox.organization_id, sandbox.directory_id, { timeoutMs: 50 })
  await assert.rejects(listing.next(), errors.TimeoutError)
  await assert.rejects(client.organization.getOrganization('org_1', { timeoutMs: -1 }), errors.InvalidArgumentError)
  await assert.rejects(client.organization.getOrganization('org_1', { timeoutMs: '50' }), errors.InvalidArgumentError)
  for (const [options, message] of [
    [{ caFile: '/does/not/exist.pem' }, /^caFile /],
    [{ proxy: 'ftp://me:hunter2@proxy' }, /proxy/],
    [{ maxConcurrency: 0 }, /^maxConcurrency /],
    [{ userAgentSuffix: 'a\nb' }, /^userAgentSuffix /],
  ]) {
    assert.throws(
      () => sandbox.client(options),
      (error) => error instanceof errors.ConfigError && message.test(error.message) && !error.message.includes('hunter2'),
    )
  }
})

test('a listing can be ended early, and several calls of next may wait at once', async (t) => {
  const sandbox = await startSandbox(t, { organizations: 1, users: 75, groups: 1 })
  const client = sandbox.client()
  for await (const user of client.directory.users(sandbox.organization_id, sandbox.directory_id)) {
    assert.ok(user.id)
    break
  }
  const listing = client.directory.users(sandbox.organization_id, sandbox.directory_id)
  const asked = await Promise.all(Array.from({ length: 80 }, () => listing.next()))
  assert.equal(new Set(asked.filter(({ done }) => !done).map(({ value }) => value.id)).size, 75)
  const ended = client.directory.users(sandbox.organization_id, sandbox.directory_id)
  await ended.return()
  assert.deepEqual(await ended.next(), { value: undefined, done: true })
})

test('10,000 users are listed completely and once each, with a fault at every seventh request', async (t) => {
  const sandbox = await startSandbox(t, { organizations: 1, users: 10_000, groups: 5 })
  await sandbox.control('PUT', '/fault', { faults: ['429:0', '500', '503', 'reset', 'truncate'], every: 7 })
  const seen = new Set()
  let listed = 0
  for await (const user of sandbox.client().directory.users(sandbox.organization_id, sandbox.directory_id)) {
    seen.add(user.id)
    listed++
  }
  assert.deepEqual([listed, seen.size], [10_000, 10_000])

  // With one attempt for each call, every fault rejects a call of `next`, and the next call requests the same page again.
  const listing = sandbox.client({ maxAttempts: 1 }).directory.users(sandbox.organization_id, sandbox.directory_id)
  const again = new Set()
  let failures = 0
  for (;;) {
    try {
      const { value, done } = await listing.next()
      if (done) break
      again.add(value.id)
    } catch (error) {
      assert.ok(error instanceof errors.Error && error.temporary, error.stack)
      failures++
    }
  }
  assert.equal(again.size, 10_000)
  assert.ok(failures > 20, String(failures))
})

test('errors have the status, the code and the request id of the answer', async (t) => {
  const sandbox = await startSandbox(t)
  const client = sandbox.client({ maxAttempts: 1 })
  await assert.rejects(client.organization.getOrganization('org_0'), (error) => {
    assert.ok(error instanceof errors.NotFoundError && error instanceof errors.ApiError && error instanceof errors.Error)
    assert.equal(error.name, 'NotFoundError')
    assert.equal(error.status, 404)
    assert.ok(error.code && error.requestId, JSON.stringify(error))
    assert.equal(error.temporary, false)
    return true
  })
  const withWrongSecret = new ScalekitClient(sandbox.environment_url, sandbox.client_id, 'wrong-secret-value')
  await assert.rejects(withWrongSecret.directory.listDirectories('org_1'), (error) => {
    assert.ok(error instanceof errors.AuthenticationError)
    assert.ok(!`${error.stack}${JSON.stringify(error)}`.includes('wrong-secret-value'))
    return true
  })
  for (const id of ['', '../oauth', 'a/b', 'a%2fb', '.', '..', 'ünï']) {
    await assert.rejects(client.organization.getOrganization(id), (error) => {
      assert.ok(error instanceof errors.NotFoundError || error instanceof errors.InvalidArgumentError, `${id}: ${error}`)
      return true
    })
  }
  await sandbox.control('PUT', '/fault', { faults: ['429:7'], every: 1 })
  await assert.rejects(client.organization.getOrganization('org_0'), (error) => {
    assert.ok(error instanceof errors.RateLimitError)
    assert.equal(error.retryAfter, 7)
    assert.equal(error.temporary, true)
    return true
  })
})

test('details of users and groups keep the names of their fields and every character', async (t) => {
  const detail = { 'name with "quotes"': 'Yılmaz 😀 Å', nested: { list: [1, null, 'a\nb'] } }
  const group = { id: 'dirgroup_1', display_name: 'Ünïcode', group_detail: { scope: 'ł' } }
  const users = [
    { id: 'diruser_1', email: 'ö@example.com', given_name: 'Łucja', groups: [group, { id: 'dirgroup_2' }], user_detail: detail },
    { id: 'diruser_2' },
    { id: 'diruser_3', groups: [group], user_detail: {} },
  ]
  const server = createServer((request, response) => {
    if (request.url.startsWith('/oauth')) return response.end('{"access_token":"t","expires_in":3600}')
    response.end(JSON.stringify(request.url.includes('/groups') ? { groups: [group, { id: 'dirgroup_2' }] } : { users, total_size: 3 }, null, 2))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { directory } = new Client(`http://127.0.0.1:${server.address().port}`, 'id', 'secret')
  const page = await directory.listDirectoryUsers('org_1', 'dir_1')
  for (const [first, second, third] of [page.users, await collect(directory.users('org_1', 'dir_1'))]) {
    assert.deepEqual([first.givenName, first.email, first.groups[0].displayName], ['Łucja', 'ö@example.com', 'Ünïcode'])
    assert.deepEqual(Object.keys(first).at(-1), 'userDetail')
    assert.deepEqual(JSON.parse(JSON.stringify(first)).userDetail, detail)
    assert.deepEqual({ ...first }.userDetail, detail)
    assert.deepEqual([first.userDetail, first.groups[0].groupDetail], [detail, group.group_detail])
    assert.deepEqual([first.groups[1].groupDetail, second.userDetail, third.groups[0].groupDetail], [undefined, undefined, group.group_detail])
    first.userDetail = 7
    third.userDetail = 8
    assert.deepEqual([first.userDetail, third.userDetail], [7, 8])
  }
  assert.equal(page.totalSize, 3)
  const { groups } = await directory.listDirectoryGroups('org_1', 'dir_1')
  assert.deepEqual([groups[0].groupDetail, 'groupDetail' in groups[1]], [group.group_detail, false])
})

test('onActivity is called for requests, retries and token renewals', async (t) => {
  const sandbox = await startSandbox(t, { users: 20 })
  await sandbox.control('PUT', '/fault', { faults: ['503'], every: 2 })
  const activities = []
  const client = sandbox.client({ retryBaseMs: 1, onActivity: (activity) => activities.push(activity) })
  for (let i = 0; i < 3; i++) await client.directory.listDirectoryUsers(sandbox.organization_id, sandbox.directory_id)
  const kinds = await eventually(() => activities.length >= client.stats().requests + client.stats().retries + 1 && activities.map(({ kind }) => kind))
  assert.equal(kinds.filter((kind) => kind === 'request').length, client.stats().requests)
  assert.equal(kinds.filter((kind) => kind === 'token_renewed').length, 1)
  const retry = activities.find(({ kind }) => kind === 'retry')
  const { message, waitMs, elapsedMs, ...rest } = retry
  assert.deepEqual(rest, {
    kind: 'retry', level: 'info', operation: 'list directory users', method: 'GET', attempt: 1, status: 503, error: 'server', bytes: 0,
    route: '/api/v1/organizations/{organization}/directories/{directory}/users',
  })
  assert.ok(waitMs >= 0 && elapsedMs >= 0 && message.startsWith('GET /api'))
  assert.ok(activities.some(({ kind, status, bytes }) => kind === 'request' && status === 200 && bytes > 1000))
  assert.ok(!JSON.stringify(activities).includes(sandbox.organization_id))
  assert.throws(() => sandbox.client({ onActivity: 'console' }), errors.InvalidArgumentError)
})

test('caFile adds a certificate authority for HTTPS', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'headcount-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const sandbox = await startSandbox(t, { tls: join(folder, 'ca.pem') })
  await assert.rejects(sandbox.client({ proxy: '' }).organization.listOrganization(), (error) => error instanceof errors.ConnectionError && /certificate/.test(error.message))
  const client = sandbox.client({ proxy: '', caFile: sandbox.ca_file })
  assert.equal((await client.organization.listOrganization()).organizations.length, 1)
  assert.equal(client.stats().requests, 2)
})

test('NODE_EXTRA_CA_CERTS adds a certificate authority for HTTPS, from process.env', async (t) => {
  const folder = temporaryFolder(t)
  const [secure, plain] = [await startSandbox(t, { tls: join(folder, 'ca.pem') }), await startSandbox(t)]
  const before = process.env.NODE_EXTRA_CA_CERTS
  t.after(() => (before === undefined ? delete process.env.NODE_EXTRA_CA_CERTS : (process.env.NODE_EXTRA_CA_CERTS = before)))
  const listed = async (client) => (await client.organization.listOrganization()).organizations.length

  process.env.NODE_EXTRA_CA_CERTS = ''
  await assert.rejects(listed(secure.client({ proxy: '' })), errors.ConnectionError)
  process.env.NODE_EXTRA_CA_CERTS = secure.ca_file
  assert.equal(await listed(secure.client({ proxy: '' })), 1)

  process.env.NODE_EXTRA_CA_CERTS = '/does/not/exist'
  const isNamed = (error) => error instanceof errors.ConfigError && /^NODE_EXTRA_CA_CERTS \/does\/not\/exist cannot be read/.test(error.message)
  assert.throws(() => secure.client(), isNamed)
  // With `caFile` the variable is ignored, and for plain HTTP it is not read.
  assert.equal(await listed(secure.client({ proxy: '', caFile: secure.ca_file })), 1)
  assert.equal(await listed(plain.client()), 1)

  const program = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { Client } = require(workerData)
    Client.fromEnv({ proxy: '' }).organization.listOrganization().then(({ organizations }) => parentPort.postMessage(organizations.length))`
  const env = { ...secure.env, NODE_EXTRA_CA_CERTS: secure.ca_file }
  const worker = new Worker(program, { eval: true, env, workerData: new URL('../index.js', import.meta.url).pathname })
  t.after(() => worker.terminate())
  assert.deepEqual(await once(worker, 'message'), [1])
})

test('wrong answers become typed errors within the deadline', async (t) => {
  let answer
  const server = createServer((request, response) => answer(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const client = new Client(`http://127.0.0.1:${server.address().port}`, 'id', 'secret', { maxAttempts: 1, timeoutMs: 2000 })
  const token = (response) => response.end('{"access_token":"t","token_type":"Bearer","expires_in":3600}')
  const cases = [
    ['<html>no</html>', errors.DecodeError],
    ['{"organization":{"id"', errors.DecodeError],
    ['{"organization":{"id":7}}', errors.DecodeError],
    [null, errors.TimeoutError],
  ]
  for (const [body, expected] of cases) {
    answer = (request, response) => {
      response.setHeader('content-type', 'application/json')
      if (request.url.startsWith('/oauth')) token(response)
      else if (body !== null) response.end(body)
    }
    await assert.rejects(client.organization.getOrganization('org_1'), expected, String(body))
  }
})

test('wrong settings and arguments are refused', async () => {
  const good = ['https://acme.scalekit.example', 'id', 'secret']
  for (const missing of [0, 1, 2]) {
    const settings = good.map((value, at) => (at === missing ? undefined : value))
    assert.throws(() => new Client(...settings), errors.ConfigError)
  }
  assert.throws(() => new Client('http://acme.scalekit.example', 'id', 'secret'), errors.ConfigError)
  for (const options of [{ timeoutMs: -1 }, { timeoutMs: NaN }, { maxAttempts: 1.5 }, { timeout: 1 }, [], 'fast']) {
    assert.throws(() => new Client(...good, options), errors.InvalidArgumentError, JSON.stringify(options))
  }
  const client = new Client(...good)
  for (const options of [{ pageSize: -1 }, { pageSize: '5' }, { pagesize: 5 }, { pageSize: NaN }, { updatedAfter: new Date(NaN) }, { updatedAfter: 'soon' }]) {
    await assert.rejects(client.directory.listDirectoryUsers('org_1', 'dir_1', options), errors.InvalidArgumentError, JSON.stringify(options))
    assert.throws(() => client.directory.users('org_1', 'dir_1', options), errors.InvalidArgumentError)
  }
  await assert.rejects(client.directory.listDirectoryUsers(undefined, 'dir_1'), errors.InvalidArgumentError)
  client.close()
  client.close()
  await assert.rejects(client.organization.listOrganization(), /closed/)
})

test('fromEnv reads environment variables, and names a missing one', async (t) => {
  const sandbox = await startSandbox(t)
  const run = async (env) => {
    const code = `const { Client } = require('headcount'); Client.fromEnv().organization.listOrganization().then((page) => console.log(page.totalSize), (e) => console.log(e.name, e.message))`
    const child = spawn(process.execPath, ['-e', `try { ${code} } catch (e) { console.log(e.name, e.message) }`], { env, cwd: import.meta.dirname ?? new URL('.', import.meta.url) })
    let output = ''
    child.stdout.on('data', (text) => (output += text))
    const [status] = await once(child, 'close')
    return [status, output.trim()]
  }
  assert.deepEqual(await run(sandbox.env), [0, '1'])
  const [, output] = await run({ ...sandbox.env, SCALEKIT_CLIENT_ID: '' })
  assert.match(output, /ConfigError .*SCALEKIT_CLIENT_ID/)
})

test('a signal cancels a call', async (t) => {
  const sandbox = await startSandbox(t)
  await sandbox.control('PUT', '/fault', { faults: ['latency:30s'], every: 1 })
  const client = sandbox.client()
  await assert.rejects(
    client.organization.listOrganization({ signal: AbortSignal.timeout(50) }),
    (error) => error instanceof errors.CancelledError && error.cause.name === 'TimeoutError',
  )
  await assert.rejects(client.organization.listOrganization({ signal: AbortSignal.abort() }), errors.CancelledError)
  const listing = client.directory.users(sandbox.organization_id, sandbox.directory_id, { signal: AbortSignal.timeout(50) })
  await assert.rejects(listing.next(), errors.CancelledError)
})

test('the client works in worker threads', async (t) => {
  const sandbox = await startSandbox(t, { users: 75 })
  const code = `
    const { workerData, parentPort } = require('node:worker_threads')
    const { Client } = require('headcount')
    ;(async () => {
      let activities = 0
      const client = new Client(...workerData.settings, { onActivity: () => activities++ })
      let count = 0
      for await (const user of client.directory.users(...workerData.ids)) count++
      parentPort.postMessage(count)
    })()`
  const workerData = {
    settings: [sandbox.environment_url, sandbox.client_id, sandbox.client_secret],
    ids: [sandbox.organization_id, sandbox.directory_id],
  }
  const counts = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const worker = new Worker(code, { eval: true, workerData })
      const counts = []
      worker.on('message', (count) => counts.push(count))
      // The last message and the exit arrive in one turn of the event loop, so the listener for messages is added before waiting for the exit.
      assert.deepEqual(await once(worker, 'exit'), [0])
      return counts
    }),
  )
  assert.deepEqual(counts, [[75], [75], [75]])
})

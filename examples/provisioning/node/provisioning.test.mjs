// Runs the parts of the application on a sandbox: the sync, the endpoint and the worker.
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { Client } from 'headcount'
import { startSandbox } from 'headcount/testing'
import { Accounts } from './accounts.mjs'
import { openMirror, syncAll } from './directory.mjs'
import { endpoint } from './endpoint.mjs'
import { follow } from './worker.mjs'

const quiet = () => {}

test('accounts follow the directory', { timeout: 60_000 }, async (t) => {
  const sandbox = startSandbox({ users: 20, groups: 2 })
  t.after(() => sandbox.close())
  const mirror = await openMirror(':memory:', Client.fromEnv())
  const accounts = new Accounts()
  assert.equal(await syncAll(mirror, quiet), 0)

  // The worker logs each change after it has handled it.
  const stop = new AbortController()
  const handled = new EventEmitter()
  const imported = new Promise((resolve) => {
    let count = 0
    handled.on('change', () => ++count === 20 && resolve())
  })
  const log = (line) => {
    handled.emit('change')
    handled.emit(line)
  }
  const worker = follow(mirror, accounts, { signal: stop.signal, log })
  await imported
  assert.equal(accounts.all().filter(({ active }) => active).length, 20)

  const server = createServer(endpoint(mirror, quiet)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${server.address().port}/webhooks/scalekit`
  const { organizationId, directoryId } = sandbox
  const ada = sandbox.createUser({ email: 'ada@example.com' })
  const about = { organizationId, directoryId, data: { id: ada.id, email: ada.email } }
  const created = once(handled, `user.created: ${ada.id}`)
  assert.equal(await sandbox.deliver(url, 'organization.directory.user_created', about), 201)
  await created
  assert.equal(accounts.of(ada.id).active, true)
  const deleted = once(handled, `user.deleted: ${ada.id}`)
  sandbox.deleteUser(ada.id)
  assert.equal(await sandbox.deliver(url, 'organization.directory.user_deleted', about), 201)
  await deleted
  assert.equal(accounts.of(ada.id).active, false)

  stop.abort()
  await worker
  server.close()
  server.closeAllConnections()
  await mirror.close()
})

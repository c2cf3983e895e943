// The mirror in a PostgreSQL database. The scenarios (scenarios.test.mjs) run there as well.
import assert from 'node:assert/strict'
import { normalize } from 'node:path'
import { test } from 'node:test'
import { Mirror, Sandbox, errors } from 'headcount'
import { newSchema, startPostgres } from './sandbox.mjs'

const LIMIT = { timeout: 120_000 }

test('mirrors of one schema share their rows and their feed', LIMIT, async (t) => {
  const url = await startPostgres(t)
  const sandbox = new Sandbox({ users: 5, groups: 1, seed: 1 })
  t.after(() => sandbox.close())
  const client = sandbox.client()
  t.after(() => client.close())
  const schema = newSchema()
  const mirror = new Mirror(url, { client, schema })
  t.after(() => mirror.close())
  const [report] = await mirror.sync(sandbox.organizationId)
  assert.equal(report.created, 5)

  const other = new Mirror(url, { schema })
  const changes = other.changes('app')
  const { value: change } = await changes.next()
  await change.ack()
  const ids = []
  for await (const user of other.users(sandbox.organizationId)) ids.push(user.id)
  assert.equal(ids.length, 5)
  await other.close()
  assert.equal((await changes.next()).done, true, 'closing the mirror ends its loops')
  await assert.rejects(other.status(), errors.InvalidArgumentError)

  const [next] = await mirror.poll('app', { limit: 1 })
  assert.equal(next.seq, change.seq + 1)
  await assert.rejects(mirror.configure({ schema }), /schema/)
})

test('an error of opening a mirror does not contain the password', () => {
  const cases = [
    ['postgresql://app:hunter2@127.0.0.1:9/mirror?sslmode=disable&connect_timeout=1', {}, errors.StoreError],
    ['postgres://app:hunter2@localhost/mirror?sslmode=sometimes', {}, errors.ConfigError],
    ['postgresql://app:hunter2@localhost/mirror', { schema: 'Directories' }, errors.ConfigError],
    [normalize('postgresql://app:hunter2@localhost/mirror'), {}, errors.ConfigError],
    ['jdbc:postgresql://app:hunter2@localhost/mirror', {}, errors.ConfigError],
    [':memory:', { schema: 'directories' }, errors.ConfigError],
  ]
  for (const [path, options, expected] of cases) {
    assert.throws(
      () => new Mirror(path, options),
      (error) => {
        assert.ok(error instanceof expected, error)
        assert.ok(!`${error.message} ${error.stack} ${JSON.stringify(error)}`.includes('hunter2'), error.message)
        return true
      },
    )
  }
})

// The mirror in a PostgreSQL database. The scenarios (scenarios.test.mjs) run there as well.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { normalize } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
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
  for (const option of [{ schema }, { connections: 2 }, { lockTimeoutMs: 5 }, { statementTimeoutMs: 5 }, { preparedStatements: true }]) {
    const [name] = Object.keys(option)
    await assert.rejects(mirror.configure(option), new RegExp(`the option ${name} is set: expected it only where the mirror is opened`))
  }
})

test('calls at the same time share the only connection', LIMIT, async (t) => {
  const url = await startPostgres(t)
  const mirror = new Mirror(url, { schema: newSchema(), connections: 1, lockTimeoutMs: 60_000, statementTimeoutMs: 60_000, preparedStatements: true })
  t.after(() => mirror.close())
  await mirror.setRoleMap([['Engineering', 'developer']])
  const maps = await Promise.all(Array.from({ length: 32 }, () => mirror.roleMap()))
  for (const map of maps) assert.deepEqual(map, [['Engineering', 'developer']])
})

/** Whether a connection with this application name listens for notifications. */
async function listens(url, application) {
  const sql = `SELECT count(*) FROM pg_stat_activity WHERE application_name = '${application}' AND query LIKE 'LISTEN%'`
  const { stdout } = await promisify(execFile)('psql', ['-XqAt', url, '-c', sql])
  return Number(stdout) > 0
}

test('a consumer with notifications listens while it waits for changes of another mirror', LIMIT, async (t) => {
  const url = await startPostgres(t)
  const sandbox = new Sandbox({ users: 5, groups: 1, seed: 1 })
  t.after(() => sandbox.close())
  const client = sandbox.client()
  t.after(() => client.close())
  const [application, schema] = [newSchema(), newSchema()]
  const mirror = new Mirror(`${url}&application_name=${application}&notify=true`, { schema })
  t.after(() => mirror.close())
  const other = new Mirror(url, { client, schema })
  t.after(() => other.close())

  const waiting = mirror.changes('app').next()
  while (!(await listens(url, application)));
  await other.sync(sandbox.organizationId)
  assert.equal((await waiting).value.seq, 1)
})

test('an option that PostgreSQL cannot use, or that is for PostgreSQL and set for a file, is refused', () => {
  const url = 'postgresql://app@127.0.0.1:9/mirror'
  const cases = [
    [url, { connections: 0 }, errors.ConfigError, /expected at least 1 connection, got 0/],
    [url, { connections: 1.5 }, errors.InvalidArgumentError, /the option connections is 1.5: expected a whole number, 0 or more/],
    [url, { lockTimeoutMs: 0.5 }, errors.ConfigError, /expected a lock timeout of at least 1 millisecond, got 500µs/],
    [url, { statementTimeoutMs: 0 }, errors.ConfigError, /expected a statement timeout of at least 1 millisecond, got 0ns/],
    [url, { statementTimeoutMs: -1 }, errors.InvalidArgumentError, /statementTimeoutMs is not a duration: expected milliseconds, 0 or more/],
    [url, { preparedStatements: 'yes' }, errors.InvalidArgumentError, /the option preparedStatements is a string: expected a boolean/],
    [':memory:', { connections: 1 }, errors.ConfigError, /a number of connections is set for a mirror in a file/],
    [':memory:', { lockTimeoutMs: 1 }, errors.ConfigError, /a lock timeout is set for a mirror in a file/],
    [':memory:', { statementTimeoutMs: 1 }, errors.ConfigError, /a statement timeout is set for a mirror in a file/],
    [':memory:', { preparedStatements: false }, errors.ConfigError, /the option for prepared statements is set for a mirror in a file/],
  ]
  for (const [path, options, expected, message] of cases) {
    assert.throws(() => new Mirror(path, options), (error) => error instanceof expected && message.test(error.message), JSON.stringify(options))
  }
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

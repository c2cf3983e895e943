// Starts the programs and sends them events, signed with the secret of a sandbox, which is in the package headcount.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { deliver, startSandbox } from 'headcount/testing'

const CREATED = 'organization.directory.user_created'
const SOMEBODY_ELSE = 'whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldA=='
const limit = { timeout: 60_000 }

/** Starts a program, which ends with the test. Returns its process, the lines before that with the URL of its endpoint, that URL, and the lines after it. */
async function start(t, file) {
  const path = fileURLToPath(new URL(file, import.meta.url))
  // The variables of this process have the settings of the sandbox.
  const program = spawn(process.execPath, [path], { env: { ...process.env, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => program.kill())
  const output = createInterface(program.stdout)[Symbol.asyncIterator]()
  const before = []
  for (;;) {
    const { value: line, done } = await output.next()
    assert.ok(!done, `${file} ended: ${before.join('\n')}`)
    if (line.startsWith('listening on ')) return { program, before, url: line.slice('listening on '.length), output }
    before.push(line)
  }
}

test('the quickstart lists a directory and answers its webhooks', limit, async (t) => {
  const sandbox = startSandbox({ organizations: 3, users: 20, groups: 2 })
  t.after(() => sandbox.close())
  const { program, before, url, output } = await start(t, 'quickstart.mjs')
  const ended = once(program, 'exit')
  assert.match(before[0], /^3 organizations;/)
  assert.ok(before.includes('  … 20 in total'))
  assert.equal(await sandbox.deliver(url, CREATED, { data: { email: 'ada@example.com' } }), 201)
  assert.equal((await output.next()).value, `verified ${CREATED}: create an account for ada@example.com`)
  assert.equal(await deliver(url, CREATED, { secret: SOMEBODY_ELSE }), 400)
  assert.deepEqual(await ended, [0, null])
})

for (const name of readdirSync(new URL('webhooks', import.meta.url)).filter((name) => name.startsWith('with_'))) {
  test(`${name} accepts signed events only`, limit, async (t) => {
    const sandbox = startSandbox({ users: 1, groups: 1 })
    t.after(() => sandbox.close())
    const { url, output } = await start(t, `webhooks/${name}`)
    assert.equal(await sandbox.deliver(url, CREATED, { id: 'evt_1' }), 201)
    assert.equal((await output.next()).value, `${CREATED} evt_1`)
    assert.equal(await deliver(url, CREATED, { secret: SOMEBODY_ELSE }), 400)
  })
}

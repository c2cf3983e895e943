// Test runners and runtimes: Jest, Vitest, Bun and Deno.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bin, platformProgram, project, run, succeed } from './field.mjs'

const limit = { timeout: 110_000 }

test('Jest uses the environment of the test, fake timers, and values of its own realm', limit, async (t) => {
  const output = await succeed(bin('jest'), ['--runInBand', '--ci'], { cwd: project(t, 'jest') })
  assert.match(output, /Tests: +4 passed, 4 total/)
  assert.doesNotMatch(output, /did not exit|open handles/i)
})

for (const pool of ['threads', 'forks']) {
  test(`Vitest uses the environment of the test and fake timers with the pool ${pool}`, limit, async (t) => {
    const output = await succeed(bin('vitest'), ['run', `--pool=${pool}`], { cwd: project(t, 'vitest') })
    assert.match(output, /Tests +2 passed \(2\)/)
  })
}

test('Bun runs the package', limit, async (t) => {
  const bun = await platformProgram('@oven', 'bin/bun')
  assert.match(await succeed(bun, ['run', 'checks.mjs'], { cwd: project(t, 'bun') }), /^checked$/m)
})

const PERMISSIONS = ['--allow-ffi', '--allow-env']

test('Deno runs the package with two permissions, and the error names a missing one', limit, async (t) => {
  const deno = await platformProgram('@deno', 'deno')
  const cwd = project(t, 'deno')
  const args = (permissions) => ['run', '--no-prompt', '--node-modules-dir=manual', ...permissions, 'checks.mjs']
  assert.match(await succeed(deno, args(PERMISSIONS), { cwd }), /^checked$/m)
  for (const missing of PERMISSIONS) {
    const { status, output } = await run(deno, args(PERMISSIONS.filter((permission) => permission !== missing)), { cwd })
    assert.notEqual(status, 0, missing)
    assert.ok(output.includes(missing), `${missing}: ${output}`)
  }
})

// Checks the package with tools for published packages: its types with attw, and its package.json with publint.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { bin, outsideFolder, here, run } from './field.mjs'

const limit = { timeout: 110_000 }
const folder = join(here, 'build/types')

test('the types are right in every mode of resolution, for import and for require', limit, async (t) => {
  const target = outsideFolder(t)
  const packed = await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', target], { cwd: folder })
  assert.equal(packed.status, 0, packed.output)
  const [archive] = readdirSync(target)
  const { status, output } = await run(bin('attw'), [join(target, archive), '--format', 'ascii'])
  assert.equal(status, 0, output)
  assert.match(output, /No problems found/)
})

test('publint reports no problem of the package', limit, async () => {
  const { status, output } = await run(bin('publint'), ['run', folder, '--strict'])
  assert.equal(status, 0, output)
  assert.match(output, /All good/)
})

// Runs the tests of bindings-node/test/frameworks.test.mjs with the oldest supported versions of the frameworks, which package.json names. `make test-node`
// runs them with the newest versions.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { here, project, succeed } from './field.mjs'

const bindings = join(here, '../../../bindings-node')

test('the endpoints work in the oldest versions of Express, Fastify and Koa', { timeout: 110_000 }, async (t) => {
  const examples = project(t, 'frameworks', join(here, '../../../examples/node/webhooks'))
  const args = ['--test', '--test-reporter=tap', '--test-name-pattern=(express|fastify|koa|Fastify)', join(bindings, 'test/frameworks.test.mjs')]
  const output = await succeed(process.execPath, args, { env: { HEADCOUNT_WEBHOOK_EXAMPLES: `${pathToFileURL(examples)}/` } })
  const passed = [...output.matchAll(/^ok \d+ - (.*)$/gm)].map(([, name]) => name).filter((name) => !name.includes('# SKIP'))
  assert.deepEqual(passed, [
    'an endpoint of express verifies requests, limits bodies and handles a repeated message once',
    'an endpoint of koa verifies requests, limits bodies and handles a repeated message once',
    'an endpoint of fastify verifies requests, limits bodies and handles a repeated message once',
    'an endpoint of express works after a body parser',
    'an endpoint of koa works after a body parser',
    'other routes of Fastify keep their body parsers',
  ])
})

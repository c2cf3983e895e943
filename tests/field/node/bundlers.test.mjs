// Bundlers, with the configurations of docs/bundlers.md: each builds an application, which then runs against a sandbox.
import assert from 'node:assert/strict'
import { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { bin, documented, outsideFolder, here, platformProgram, project, sandboxed, succeed, withoutSecrets } from './field.mjs'

const limit = { timeout: 110_000 }
const build = { env: withoutSecrets }

/** Where the package is installed as a clone has it, with the addon in its own folder. Elsewhere, the addon is in the platform's package. */
const CLONE = join(here, 'build/clone')

/** Returns a copy of a bundler's project, with the application. */
function application(t, name, parent) {
  const folder = project(t, name, undefined, parent)
  cpSync(join(here, 'projects/app.mjs'), join(folder, 'app.mjs'))
  return folder
}

/** Runs the bundle, and checks what the application printed. */
async function checkBundle(t, program, args, cwd) {
  const { sandbox, env } = sandboxed(t)
  const output = await succeed(program, args, { cwd, env })
  assert.deepEqual(JSON.parse(output.trim().split('\n').at(-1)), { users: 12, created: 12, status: 201, same: true })
  assert.ok(Object.keys(sandbox.requests()).length > 0)
}

/** Copies a bundle to a folder without node_modules, where it has to contain all that it uses. Returns the copy's path. */
function copyOutside(t, folder) {
  const target = join(outsideFolder(t), 'dist')
  cpSync(folder, target, { recursive: true })
  return target
}

test('docs/bundlers.md shows the configurations and commands that are tested', () => {
  const { files, commands } = documented()
  const tested = ['esbuild/build.mjs', 'webpack/webpack.config.mjs', 'webpack/webpack.bundled.mjs', 'vite/vite.config.mjs', 'next/next.config.mjs', 'next/app/webhooks/scalekit/route.js', 'next/app/users/route.js', 'lambda/handler.mjs']
  const names = tested.map((path) => path.slice(path.indexOf('/') + 1))
  assert.deepEqual([...files.keys()].sort(), [...names].sort())
  tested.forEach((path, at) => assert.equal(files.get(names[at]), readFileSync(join(here, 'projects', path), 'utf8'), path))
  assert.deepEqual(commands, [
    'npx ncc build app.mjs --out dist',
    'bun build app.mjs --target=bun --outdir=dist',
    'deno run --allow-ffi --allow-env app.mjs',
  ])
})

for (const [layout, parent] of [['the package', undefined], ['the package of a clone', CLONE]]) {
  test(`esbuild bundles ${layout} with the loader copy`, limit, async (t) => {
    const folder = application(t, 'esbuild', parent)
    // The application is wrapped in an async function, because esbuild's format `cjs` has no top-level await.
    const app = readFileSync(join(folder, 'app.mjs'), 'utf8')
    const at = app.indexOf('\n\n')
    writeFileSync(join(folder, 'app.mjs'), `${app.slice(0, at)}\nasync function main() {${app.slice(at)}}\nmain()\n`)
    const output = await succeed(process.execPath, ['build.mjs'], { cwd: folder, ...build })
    assert.doesNotMatch(output, /warn/i)
    await checkBundle(t, process.execPath, ['app.cjs'], copyOutside(t, join(folder, 'dist')))
  })
}

const WEBPACK = [
  ['the package as an external package', 'webpack.config.mjs', undefined],
  ['the package into the bundle', 'webpack.bundled.mjs', undefined],
  ['the package of a clone into the bundle', 'webpack.bundled.mjs', CLONE],
]
for (const [what, config, parent] of WEBPACK) {
  test(`webpack builds ${what} without a warning`, limit, async (t) => {
    const folder = application(t, 'webpack', parent)
    const { default: options } = await import(join(folder, config))
    const webpack = createRequire(import.meta.url)('webpack')
    const stats = await new Promise((resolve, reject) => {
      const compiler = webpack({ ...options, context: folder, output: { path: join(folder, 'dist'), ...options.output } })
      compiler.run((error, stats) => compiler.close((closing) => (error ?? closing ? reject(error ?? closing) : resolve(stats))))
    })
    const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true })
    assert.deepEqual({ errors, warnings }, { errors: [], warnings: [] })
    const dist = join(folder, 'dist')
    if (config === 'webpack.bundled.mjs') assert.ok(readdirSync(dist).some((name) => name.endsWith('.node')))
    await checkBundle(t, process.execPath, ['app.cjs'], config === 'webpack.bundled.mjs' ? copyOutside(t, dist) : dist)
  })
}

test('ncc bundles the package', limit, async (t) => {
  const folder = application(t, 'ncc')
  await succeed(bin('ncc'), ['build', 'app.mjs', '--out', 'dist'], { cwd: folder, ...build })
  const dist = copyOutside(t, join(folder, 'dist'))
  await checkBundle(t, process.execPath, [existsSync(join(dist, 'index.mjs')) ? 'index.mjs' : 'index.js'], dist)
})

test('Vite builds a server with the package as an external one', limit, async (t) => {
  const folder = application(t, 'vite')
  const output = await succeed(bin('vite'), ['build'], { cwd: folder, ...build })
  assert.doesNotMatch(output, /warn/i)
  const [name] = readdirSync(join(folder, 'dist'))
  await checkBundle(t, process.execPath, [join('dist', name)], folder)
})

test('Bun bundles the package', limit, async (t) => {
  const bun = await platformProgram('@oven', 'bin/bun')
  const folder = application(t, 'bun')
  await succeed(bun, ['build', 'app.mjs', '--target=bun', '--outdir=dist'], { cwd: folder, ...build })
  await checkBundle(t, bun, ['app.js'], copyOutside(t, join(folder, 'dist')))
})

test('a handler of AWS Lambda, bundled with esbuild, verifies events of API Gateway', limit, async (t) => {
  const folder = project(t, 'lambda')
  const script = readFileSync(join(here, 'projects/esbuild/build.mjs'), 'utf8').replaceAll('app.', 'handler.')
  writeFileSync(join(folder, 'build.mjs'), script)
  await succeed(process.execPath, ['build.mjs'], { cwd: folder, ...build })
  const dist = copyOutside(t, join(folder, 'dist'))
  const { env, webhook } = sandboxed(t)
  const body = '{"id":"evt_1","type":"user.login","occurred_at":"2025-01-06T18:44:25Z","data":{"name":"\u017dofie"}}'
  const requests = [
    { headers: webhook.sign(body), body, isBase64Encoded: false },
    { headers: webhook.sign(body), body: Buffer.from(body).toString('base64'), isBase64Encoded: true },
    { headers: webhook.sign(body), body: `${body} `, isBase64Encoded: false },
  ]
  const program = `const { handler } = require('./handler.cjs'); Promise.all(${JSON.stringify(requests)}.map(handler)).then((answers) => console.log(JSON.stringify(answers.map((answer) => answer.statusCode))))`
  const output = await succeed(process.execPath, ['-e', program], { cwd: dist, env })
  assert.deepEqual(JSON.parse(output.trim().split('\n').at(-1)), [201, 201, 400])
})

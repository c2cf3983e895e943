// The package: both module systems, the error classes, the type declarations and the packed files.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import * as esm from 'headcount'
import { temporaryFolder } from './sandbox.mjs'

const require = createRequire(import.meta.url)
const here = fileURLToPath(new URL('..', import.meta.url))

test('import and require give the same package', () => {
  const cjs = require('headcount')
  assert.deepEqual(Object.keys(esm).sort(), Object.keys(cjs).sort())
  for (const name of Object.keys(cjs)) assert.equal(esm[name], cjs[name], name)
  assert.equal(esm.version, require('headcount/package.json').version)
  assert.equal(esm.ScalekitClient, esm.Client)
  assert.equal(esm.Scalekit, esm.Client)
  assert.equal(esm.default, esm.Client)
})

test('every kind of error has a class of its own', () => {
  const kinds = require('../native.js').load().errorClasses()
  assert.ok(kinds.length >= 17)
  for (const [kind, name] of kinds) {
    assert.ok(esm.errors[name], `${kind} has no class ${name}`)
    assert.ok(new esm.errors[name]() instanceof esm.errors.Error)
    assert.equal(new esm.errors[name]().name, name)
    assert.equal(new esm.errors[name]().kind, kind)
  }
  assert.equal(Object.keys(esm.errors).length, kinds.length + 1)
})

test('the declarations declare exactly the exports and members that exist', (t) => {
  const program = ts.createProgram([`${here}index.d.ts`], { strict: true, target: ts.ScriptTarget.ES2022 })
  const checker = program.getTypeChecker()
  const file = program.getSourceFile(`${here}index.d.ts`)
  const declared = checker.getExportsOfModule(checker.getSymbolAtLocation(file))
  const values = declared.filter((symbol) => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    return target.flags & ts.SymbolFlags.Value
  })
  assert.deepEqual(values.map(({ name }) => name).sort(), Object.keys(esm).sort())

  const symbol = (name) => declared.find((one) => one.name === name)
  const namespace = checker.getExportsOfModule(symbol('errors')).map(({ name }) => name)
  assert.deepEqual(namespace.sort(), Object.keys(esm.errors).sort())

  const declaredMembers = (type) => type.getProperties().map(({ name }) => name).filter((name) => !name.startsWith('__@')).sort()
  const membersOf = (object) => {
    const names = new Set(Object.getOwnPropertyNames(Object.getPrototypeOf(object)))
    for (const name of Object.keys(object)) names.add(name)
    names.delete('constructor')
    return [...names].sort()
  }
  const client = new esm.Client('https://acme.scalekit.example', 'id', 'secret')
  const objects = { Client: client, OrganizationClient: client.organization, DirectoryClient: client.directory }
  objects.Webhook = new esm.Webhook('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')
  objects.ReplayGuard = new esm.ReplayGuard()
  objects.Mirror = new esm.Mirror(':memory:')
  objects.Sandbox = new esm.Sandbox()
  t.after(() => (objects.Mirror.close(), objects.Sandbox.close()))
  for (const [name, object] of Object.entries(objects)) {
    assert.deepEqual(declaredMembers(checker.getDeclaredTypeOfSymbol(symbol(name))), membersOf(object), name)
  }
})

/** Returns whether an editor shows a hover text for a declaration. */
function documentable(node) {
  return (
    ts.isInterfaceDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isVariableStatement(node) ||
    (ts.isModuleDeclaration(node) && node.name.text !== 'global') ||
    ts.isPropertySignature(node) ||
    ts.isMethodSignature(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isConstructorDeclaration(node)
  )
}

test('every declaration and every member has a hover text', () => {
  const undocumented = []
  let documented = 0
  const files = [here, `${here}frameworks/`].flatMap((folder) => readdirSync(folder).filter((name) => name.endsWith('.d.ts')).map((name) => folder + name))
  for (const name of files) {
    const file = ts.createSourceFile(name, readFileSync(name, 'utf8'), ts.ScriptTarget.ES2022, true)
    const visit = (node) => {
      // Editors show a type literal as part of the declaration that contains it, so its members need no comment. The
      // interface that adds to TypeScript's global `SymbolConstructor` needs none either: it has a comment there.
      if (ts.isTypeLiteralNode(node)) return
      const mergesWithGlobal = ts.isInterfaceDeclaration(node) && node.name.text === 'SymbolConstructor'
      if (documentable(node) && !mergesWithGlobal) {
        if (ts.getJSDocCommentsAndTags(node).length > 0) documented++
        else undocumented.push(`${name.slice(here.length)}: ${node.getText(file).split('\n')[0]}`)
      }
      ts.forEachChild(node, visit)
    }
    visit(file)
  }
  assert.deepEqual(undocumented, [])
  assert.ok(documented > 316, String(documented))
})

test("strict TypeScript accepts the vendor's snippets and the documented calls, and refuses misspelt names", () => {
  const tsc = require.resolve('typescript/bin/tsc')
  for (const [module, resolution] of [['nodenext', 'nodenext'], ['esnext', 'bundler'], ['node16', 'node16']]) {
    const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--esModuleInterop', '--target', 'es2022', '--module', module, '--moduleResolution', resolution, '--types', 'node']
    execFileSync(process.execPath, [tsc, ...options, 'types/usage.ts', 'types/events.ts'], { cwd: here, stdio: 'inherit' })
  }
})

test('npm pack includes the addon, every module and the licences, and no sources or tests', () => {
  const [{ files }] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: here, encoding: 'utf8' }))
  const names = files.map(({ path }) => path)
  const modules = readdirSync(here).filter((name) => /\.(js|mjs|d\.m?ts)$/.test(name))
  assert.ok(modules.includes('index.js') && modules.includes('index.mjs') && modules.includes('index.d.ts'))
  const licences = ['LICENSE-APACHE', 'LICENSE-MIT']
  for (const name of [...modules, ...licences, 'scripts/build.mjs', 'README.md']) {
    assert.ok(names.includes(name), `${name} is not packed`)
  }
  for (const name of licences) assert.equal(readFileSync(here + name, 'utf8'), readFileSync(`${here}../${name}`, 'utf8'), name)
  assert.ok(names.some((name) => name.endsWith('.node')))
  assert.ok(!names.some((name) => name.startsWith('src/') || name.startsWith('test/')), names.join())
})

/** Loads the addon in a folder with these files beside `native.js`, and returns the message of the error. */
function loadIn(t, files) {
  const folder = temporaryFolder(t)
  for (const [name, text] of Object.entries({ ...files, 'native.js': readFileSync(`${here}native.js`) })) writeFileSync(`${folder}/${name}`, text)
  try {
    require(`${folder}/native.js`).load()
  } catch (error) {
    return error.message
  }
  return undefined
}

test('an addon that is missing and one that cannot be loaded have errors of their own', (t) => {
  const platform = `${process.platform}-${process.arch}`
  const addons = `module.exports = { '${platform}': () => require('./headcount.${platform}.node') }`
  const missing = /^headcount has no native addon for this platform \(headcount\..+\.node\): run "npm run build"/
  assert.match(loadIn(t, {}), missing)
  assert.match(loadIn(t, { 'addons.js': 'module.exports = {}' }), missing)
  assert.match(loadIn(t, { 'addons.js': addons }), missing)
  const refused = loadIn(t, { 'addons.js': addons, [`headcount.${platform}.node`]: 'not a library' })
  assert.match(refused, /^headcount's native addon headcount\..+\.node cannot be loaded: ./)
  assert.equal(refused.includes('\n'), false)
  const syntax = loadIn(t, { 'addons.js': `module.exports = { '${platform}': () => { throw new TypeError('odd') } }` })
  assert.match(syntax, /cannot be loaded: odd$/)
})

test('the addons of the folder are required by literal names, which bundlers find', () => {
  const addons = readFileSync(`${here}addons.js`, 'utf8')
  const names = readdirSync(here).filter((name) => name.endsWith('.node'))
  assert.ok(names.length > 0)
  for (const name of names) assert.ok(addons.includes(`require('./${name}')`), name)
  for (const name of readdirSync(here).filter((name) => name.endsWith('.js'))) {
    assert.doesNotMatch(readFileSync(here + name, 'utf8').replaceAll(/\/\*.*?\*\/|\/\/.*/gs, ''), /require\((?!')/, name)
  }
})

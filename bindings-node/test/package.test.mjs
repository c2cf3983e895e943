// The package: both module systems, the error classes, the type declarations and the packed files.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import * as esm from 'headcount'
import { temporaryFolder } from './sandbox.mjs'

const require = createRequire(import.meta.url)
const here = fileURLToPath(new URL('..', import.meta.url))
const { platformName } = require('../native.js')

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

test('the published files are every module, the types, and the licences, and no addon, sources or tests', () => {
  const [{ files }] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: here, encoding: 'utf8' }))
  const names = files.map(({ path }) => path)
  const modules = readdirSync(here).filter((name) => /\.(js|mjs|d\.m?ts)$/.test(name) && name !== 'built.js')
  assert.ok(modules.includes('index.js') && modules.includes('index.mjs') && modules.includes('index.d.ts'))
  const licences = ['LICENSE-APACHE', 'LICENSE-MIT']
  for (const name of [...modules, ...licences, 'README.md']) {
    assert.ok(names.includes(name), `${name} is not packed`)
  }
  for (const name of licences) assert.equal(readFileSync(here + name, 'utf8'), readFileSync(`${here}../${name}`, 'utf8'), name)
  assert.deepEqual(names.filter((name) => /^(src|test|types|scripts|node_modules)\/|\.node$|^built\.js$/.test(name)), [])
})

const NAME = platformName()

/** Loads the addon in a folder with these files beside `native.js`, and returns the message of the error, or undefined. */
function loadIn(t, files, { environment = {}, system = {} } = {}) {
  const folder = temporaryFolder(t)
  for (const name of ['native.js', 'addons.js', 'package.json']) cpSync(here + name, join(folder, name))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  const saved = { ...process.env }
  const real = Object.getOwnPropertyDescriptors(process)
  Object.assign(process.env, environment)
  for (const [name, value] of Object.entries(system)) Object.defineProperty(process, name, { ...real[name], value })
  try {
    return require(`${folder}/native.js`).load()
  } catch (error) {
    if (/is missing/.test(error.message)) assert.match(error.cause.message, new RegExp(`Cannot find module '@headcount/${NAME}'`))
    return error.message
  } finally {
    for (const name of Object.keys(environment)) saved[name] === undefined ? delete process.env[name] : (process.env[name] = saved[name])
    for (const name of Object.keys(system)) Object.defineProperty(process, name, real[name])
  }
}

/** Returns the text of a `built.js` with one addon. */
const builtWith = (name, code = `require('./headcount.${name}.node')`) => `module.exports = { '${name}': (failed) => { try { return ${code} } catch (error) { failed(error) } } }`

/** Returns the files of a package for a platform, whose addon is JavaScript. */
const packageOf = (name, code) => ({ [`node_modules/@headcount/${name}/index.js`]: code })

test('the error for a missing package names it, the likely causes, and the remedies', (t) => {
  const message = loadIn(t, {})
  assert.match(message, new RegExp(`^headcount's native addon is missing: the package @headcount/${NAME} is not installed\\.`))
  for (const part of ['--omit=optional', '--no-optional', 'copied from another system', 'https://github.com/npm/cli/issues/4828', 'docs/bundlers.md', 'HEADCOUNT_NATIVE_PATH']) {
    assert.ok(message.includes(part), `${part}: ${message}`)
  }
  assert.ok(message.includes(`npm install @headcount/${NAME}@${esm.version}`), message)
})

test('the error in a clone without an addon says how to build it', (t) => {
  assert.match(loadIn(t, { 'Cargo.toml': '' }), new RegExp(`^headcount has no native addon for ${NAME} in this clone: run "npm run build"`))
  assert.match(loadIn(t, { 'Cargo.toml': '', 'built.js': builtWith(NAME) }), /in this clone: run "npm run build"/)
})

test('the error on a platform without a package names the platforms with one', (t) => {
  const message = loadIn(t, {}, { system: { platform: 'freebsd', arch: 'riscv64' } })
  assert.match(message, /^headcount has no package for freebsd-riscv64, only for linux-x64-gnu, .*win32-x64\. To use it here, run "npm run build"/)
  assert.match(message, /HEADCOUNT_NATIVE_PATH/)
})

test('an addon that cannot be loaded has an error of one line with the reason', (t) => {
  const refused = loadIn(t, { 'built.js': builtWith(NAME), [`headcount.${NAME}.node`]: 'not a library' })
  assert.match(refused, new RegExp(`^headcount's native addon for ${NAME} cannot be loaded: .`))
  assert.equal(refused.includes('\n'), false)
  assert.match(loadIn(t, packageOf(NAME, "throw new TypeError('odd')")), /cannot be loaded: odd$/)
})

test('the addon of the own folder is preferred to that of the package', (t) => {
  const inPackage = packageOf(NAME, "module.exports = 'of the package'")
  assert.equal(loadIn(t, inPackage), 'of the package')
  assert.equal(loadIn(t, { ...inPackage, 'built.js': builtWith(NAME, "'of the folder'") }), 'of the folder')
})

test('on Linux, the addon for musl is used if the one for glibc is not installed or cannot be loaded', (t) => {
  const system = { platform: 'linux', arch: 'x64' }
  const musl = packageOf('linux-x64-musl', "module.exports = 'for musl'")
  assert.equal(loadIn(t, musl, { system }), 'for musl')
  assert.equal(loadIn(t, { ...musl, ...packageOf('linux-x64-gnu', "throw new Error('no glibc')") }, { system }), 'for musl')
  assert.equal(loadIn(t, { ...musl, ...packageOf('linux-x64-gnu', "module.exports = 'for glibc'") }, { system }), 'for glibc')
})

test('HEADCOUNT_NATIVE_PATH names the addon, as an absolute or a relative path', (t) => {
  const other = packageOf(NAME, "module.exports = 'of the package'")
  const addon = readdirSync(here).find((name) => name === `headcount.${NAME}.node`)
  const copy = join(temporaryFolder(t), 'addon') // without the suffix
  cpSync(here + addon, copy)
  for (const path of [copy, relative(process.cwd(), copy)]) {
    const loaded = loadIn(t, other, { environment: { HEADCOUNT_NATIVE_PATH: path } })
    assert.equal(typeof loaded.errorClasses, 'function', path)
  }
  assert.equal(loadIn(t, other, { environment: { HEADCOUNT_NATIVE_PATH: '' } }), 'of the package')
})

test('the error for HEADCOUNT_NATIVE_PATH names the variable and the path', (t) => {
  const other = packageOf(NAME, "module.exports = 'of the package'")
  const message = loadIn(t, other, { environment: { HEADCOUNT_NATIVE_PATH: 'nowhere/addon.node' } })
  assert.ok(message.startsWith(`HEADCOUNT_NATIVE_PATH names ${resolve('nowhere/addon.node')}, which cannot be loaded as headcount's native addon: `), message)
})

test('every addon is required by a literal name in a try, which bundlers find and accept if it is missing', () => {
  const built = readFileSync(`${here}built.js`, 'utf8')
  const names = readdirSync(here).filter((name) => name.endsWith('.node'))
  assert.ok(names.length > 0)
  for (const name of names) assert.ok(built.includes(`require('./${name}')`), name)
  const addons = readFileSync(`${here}addons.js`, 'utf8')
  assert.ok(addons.includes(`require('@headcount/${NAME}')`))
  for (const text of [built, addons]) assert.equal(text.match(/require\(/g).length, text.match(/try \{\s+return require\(/g).length)
  for (const name of readdirSync(here).filter((name) => name.endsWith('.js'))) {
    assert.doesNotMatch(readFileSync(here + name, 'utf8').replaceAll(/\/\*.*?\*\/|\/\/.*/gs, ''), /require\((?!')/, name)
  }
})

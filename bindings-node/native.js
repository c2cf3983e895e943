'use strict'
// Loads the addon, or throws an error that names what is missing and what to do.
//
// The addon is, in this order: the file that HEADCOUNT_NATIVE_PATH names; the addon that scripts/build.mjs built in this folder, which is a clone;
// the addon in the npm package of this platform, such as @headcount/linux-x64-gnu. Apart from the first, it is required by a literal name, in
// addons.js and built.js: bundlers find literal names, and with a computed one they would try to parse every file of the package.

const { existsSync } = require('node:fs')
const { join, resolve } = require('node:path')
const { built, packages } = require('./addons.js')

const VARIABLE = 'HEADCOUNT_NATIVE_PATH'

/** Returns the name of this platform, as in the names of the addon's file and package: `linux-x64-gnu`, `darwin-arm64`. */
const platformName = () => (process.platform === 'linux' ? `${system()}-${isMusl() ? 'musl' : 'gnu'}` : system())

const system = () => `${process.platform}-${process.arch}`

/** Returns whether the C library of this system is musl. */
function isMusl() {
  // The process report has a version of glibc only on systems that use it.
  const header = process.report?.getReport?.()?.header
  return header !== undefined && !header.glibcVersionRuntime
}

let loaded

/** Loads the addon when it is first called. Returns the addon's exports. */
function load() {
  loaded ??= find()
  return loaded
}

function find() {
  const path = configured()
  if (path) return loadFile(resolve(path))
  // The addon for glibc is tried first, and `isMusl` is called only for an error: it reads the process report, which takes longer than the rest of the import.
  const names = process.platform === 'linux' ? [`${system()}-gnu`, `${system()}-musl`] : [system()]
  const failures = []
  const own = built((error) => failures.push({ error })) ?? {}
  for (const name of names) {
    const failed = (error) => failures.push({ name, error })
    const addon = own[name]?.(failed) ?? packages[name]?.(failed)
    if (addon !== undefined) return addon
  }
  const failure = failures.find(({ error }) => !isNotFound(error))
  if (failure !== undefined) throw refused(failure.error)
  const wanted = platformName()
  throw missing(wanted, failures.findLast(({ name }) => name === wanted)?.error)
}

/** Returns the value of HEADCOUNT_NATIVE_PATH, if it is set. */
function configured() {
  try {
    return process.env[VARIABLE]
  } catch (error) {
    throw refused(error) // Deno without --allow-env
  }
}

/** Loads the addon in a file. Not with `require`: bundlers warn about a computed name, and Node would need the suffix `.node`. */
function loadFile(path) {
  const addon = { exports: {} }
  try {
    process.dlopen(addon, path)
  } catch (cause) {
    if (isDenied(cause)) throw refused(cause)
    throw new Error(`${VARIABLE} names ${path}, which cannot be loaded as headcount's native addon: ${firstLine(cause)}. Correct or unset the variable`, { cause })
  }
  return addon.exports
}

const isNotFound = (error) => error?.code === 'MODULE_NOT_FOUND' || error?.code === 'ERR_MODULE_NOT_FOUND'

/** Returns whether an error is Deno's for a missing permission, of which loading an addon needs several. */
const isDenied = (error) => globalThis.Deno !== undefined && /allow-|NotCapable|PermissionDenied/.test(`${error.name} ${error.message}`)

const firstLine = (error) => String(error?.message).split('\n')[0].trim()

/** Returns the error for a platform whose addon is not installed. */
function missing(name, cause) {
  const build = 'run "npm run build" in the folder bindings-node of a clone of the repository, which needs Rust (https://rustup.rs)'
  if (existsSync(join(__dirname, 'Cargo.toml'))) return new Error(`headcount has no native addon for ${name} in this clone: ${build}`, { cause })
  if (!(name in packages)) {
    const known = Object.keys(packages).join(', ')
    return new Error(`headcount has no package for ${name}, only for ${known}. To use it here, ${build}, and set ${VARIABLE} to the built file`, { cause })
  }
  const { version } = require('./package.json')
  const wanted = `@headcount/${name}`
  const lines = [
    `headcount's native addon is missing: the package ${wanted} is not installed. It is an optional dependency of headcount. Likely causes:`,
    '- The installation omitted optional dependencies (npm --omit=optional, yarn or pnpm --no-optional): install again without this option.',
    '- node_modules was copied from another system: remove it, and install on this one.',
    '- package-lock.json was made on another system (https://github.com/npm/cli/issues/4828): remove node_modules and package-lock.json, and run npm install.',
    "- A bundler left the package out: see the repository's docs/bundlers.md.",
    `"npm install ${wanted}@${version}" installs the package, and ${VARIABLE} can name an addon that is elsewhere.`,
  ]
  return new Error(lines.join('\n'), { cause })
}

/** Returns the error for an addon that exists and cannot be loaded. */
function refused(cause) {
  if (isDenied(cause)) return new Error('Deno does not permit headcount to load its native addon: run it with --allow-ffi and --allow-env', { cause })
  return new Error(`headcount's native addon for ${platformName()} cannot be loaded: ${firstLine(cause)}`, { cause })
}

module.exports = { load, platformName }

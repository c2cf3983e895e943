'use strict'
// Loads the addon for this platform, or throws an error that names what is missing.
//
// `addons.js` is written by the build. It has a literal `require` for each addon in the folder, which bundlers find; with a computed name they
// would try to parse every file of the package.

/** Returns the name of this platform's addon, for the build and for errors. */
const addonName = () => `headcount.${platform()}${isMusl() ? '-musl' : ''}.node`

const platform = () => `${process.platform}-${process.arch}`

/** Returns whether the C library of this system is musl. */
function isMusl() {
  if (process.platform !== 'linux') return false
  // The process report has a version of glibc only on systems that use it.
  const header = process.report?.getReport?.()?.header
  return header !== undefined && !header.glibcVersionRuntime
}

/** Loads the addon and returns its exports. */
function load() {
  const addons = addonsOf()
  // The addon without the suffix is tried first, and `isMusl` is not called: it reads the process report, which takes longer than the rest of the import.
  const names = [platform(), ...(`${platform()}-musl` in addons ? [`${platform()}-musl`] : [])].filter((name) => name in addons)
  let failure
  for (const name of names) {
    try {
      return addons[name]()
    } catch (error) {
      failure = error
    }
  }
  throw failure === undefined || isNotFound(failure) ? missing(failure) : refused(failure)
}

/** Returns a function for each addon in the folder, by platform. */
function addonsOf() {
  try {
    return require('./addons.js')
  } catch (error) {
    if (isNotFound(error)) throw missing(error)
    throw error
  }
}

const isNotFound = (error) => error?.code === 'MODULE_NOT_FOUND'

/** Returns the error for a platform that has no addon in the folder. */
const missing = (cause) =>
  new Error(
    `headcount has no native addon for this platform (${addonName()}): run "npm run build" in the package's folder in a clone of the ` +
      `repository, which needs Rust (https://rustup.rs)`,
    { cause },
  )

/** Returns the error for an addon that exists and cannot be loaded. */
function refused(cause) {
  // In Deno, loading an addon needs permissions, each of which has a flag.
  if (globalThis.Deno !== undefined && /allow-|NotCapable|PermissionDenied/.test(`${cause.name} ${cause.message}`)) {
    return new Error('Deno does not permit headcount to load its native addon: run it with --allow-ffi and --allow-env', { cause })
  }
  return new Error(`headcount's native addon ${addonName()} cannot be loaded: ${String(cause?.message).split('\n')[0]}`, { cause })
}

module.exports = { addonName, load }

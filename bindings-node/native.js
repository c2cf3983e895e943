'use strict'
// Loads the addon for this machine, or says what is missing and how to get it.

const addonName = () => `headcount.${process.platform}-${process.arch}${isMusl() ? '-musl' : ''}.node`

// glibc tells its version in the process report; musl has none.
function isMusl() {
  if (process.platform !== 'linux') return false
  const { header } = process.report.getReport()
  return !header.glibcVersionRuntime
}

function load() {
  // Asking for the report costs more than the rest of the import: the name without a suffix is tried first.
  const usual = `./headcount.${process.platform}-${process.arch}.node`
  try {
    return require(usual)
  } catch (error) {
    const name = addonName()
    if (`./${name}` !== usual && error.code === 'MODULE_NOT_FOUND') {
      try {
        return require(`./${name}`)
      } catch {
        // Told below.
      }
    }
    throw new Error(
      `headcount has no native addon that works here (${name}): run "npm run build" in the package's folder in a clone of the ` +
        `repository, which needs Rust (https://rustup.rs)`,
      { cause: error },
    )
  }
}

module.exports = { addonName, load }

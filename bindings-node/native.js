'use strict'
// Loads the addon for this platform, or throws an error that says how to build it.

const addonName = () => `headcount.${process.platform}-${process.arch}${isMusl() ? '-musl' : ''}.node`

// The process report has a version of glibc only on systems that use it.
function isMusl() {
  if (process.platform !== 'linux') return false
  const { header } = process.report.getReport()
  return !header.glibcVersionRuntime
}

function load() {
  // The name without a suffix is tried first, because the process report takes longer than the rest of the import.
  const common = `./headcount.${process.platform}-${process.arch}.node`
  try {
    return require(common)
  } catch (error) {
    const name = addonName()
    if (`./${name}` !== common && error.code === 'MODULE_NOT_FOUND') {
      try {
        return require(`./${name}`)
      } catch {
        // The error below is thrown.
      }
    }
    throw new Error(
      `headcount has no native addon for this platform (${name}): run "npm run build" in the package's folder in a clone of the ` +
        `repository, which needs Rust (https://rustup.rs)`,
      { cause: error },
    )
  }
}

module.exports = { addonName, load }

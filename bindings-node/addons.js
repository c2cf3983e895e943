'use strict'
// Written by packaging/npm.py from the platforms in packaging/release.py.
//
// Each function requires an addon and returns its exports; it passes an error to `failed` and returns undefined. The names are literals, which bundlers
// find. Each `require` is directly in a `try`, because bundlers accept only there that a package is not installed.

/** Returns such functions for the addons that scripts/build.mjs built in this folder, by platform. Only a clone has them. */
const built = (failed) => {
  try {
    return require('./built.js')
  } catch (error) {
    failed(error)
  }
}

/** The packages with the addons, by platform. */
const packages = {
  'linux-x64-gnu': (failed) => {
    try {
      return require('@headcount/linux-x64-gnu')
    } catch (error) {
      failed(error)
    }
  },
  'linux-arm64-gnu': (failed) => {
    try {
      return require('@headcount/linux-arm64-gnu')
    } catch (error) {
      failed(error)
    }
  },
  'linux-x64-musl': (failed) => {
    try {
      return require('@headcount/linux-x64-musl')
    } catch (error) {
      failed(error)
    }
  },
  'linux-arm64-musl': (failed) => {
    try {
      return require('@headcount/linux-arm64-musl')
    } catch (error) {
      failed(error)
    }
  },
  'darwin-x64': (failed) => {
    try {
      return require('@headcount/darwin-x64')
    } catch (error) {
      failed(error)
    }
  },
  'darwin-arm64': (failed) => {
    try {
      return require('@headcount/darwin-arm64')
    } catch (error) {
      failed(error)
    }
  },
  'win32-x64': (failed) => {
    try {
      return require('@headcount/win32-x64')
    } catch (error) {
      failed(error)
    }
  },
}

module.exports = { built, packages }

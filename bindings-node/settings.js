'use strict'
// Environment variables. They are read from `process.env` whenever they are needed: test runners, worker threads and Bun give JavaScript an
// environment that the process does not have. The addon has the list of their names, and parses the values.

const native = require('./native.js').load()

const NAMES = native.environmentVariables()

/** Returns the variables that are set, as JSON. */
const variables = () => JSON.stringify(Object.fromEntries(NAMES.map((name) => [name, process.env[name]])))

module.exports = { variables }

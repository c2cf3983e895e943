'use strict'
// Environment variables. They are read from `process.env` whenever they are needed, and not by the addon: in test runners, worker threads and Bun,
// JavaScript may have another environment than the process. The addon has the list of their names, and parses the values.

const native = require('./native.js').load()

const NAMES = native.environmentVariables()

/** Returns the variables that are set, as JSON. */
const variables = () => JSON.stringify(Object.fromEntries(NAMES.map((name) => [name, process.env[name]])))

module.exports = { variables }

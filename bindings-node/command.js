#!/usr/bin/env node
'use strict'
// The command `headcount`: `npx headcount sync`.

const { load } = require('./native.js')

// `exit` rather than `exitCode`: the addon's threads do not keep the process running, but the command has ended.
process.exit(load().runCommand(['headcount', ...process.argv.slice(2)]))

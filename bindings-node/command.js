#!/usr/bin/env node
'use strict'
// The command `headcount`: `npx headcount sync`.

const { load } = require('./native.js')

// The command handles these signals itself. Without a listener, Node's own handler, which would be called as well, ends the process at once.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {})
// `exit` rather than `exitCode`: the addon's threads do not keep the process running, but the command has ended.
process.exit(load().runCommand(['headcount', ...process.argv.slice(2)]))

// Builds the addon with cargo, and copies it and the repository's licences into the package's folder. The licences are copied because npm does not
// pack symbolic links.
//
// npm runs it as the install script of a clone. Published packages have no install script: packaging/npm.py makes their package.json from that of
// this folder.
import { spawnSync } from 'node:child_process'
import { copyFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(dirname(fileURLToPath(import.meta.url)))
const { platformName } = createRequire(import.meta.url)('../native.js')
const addon = join(here, `headcount.${platformName()}.node`)

// The repository's Makefile sets the variable to the arguments with which its demo and tests build, so that nothing is compiled twice.
const selection = process.env.HEADCOUNT_CARGO_BUILD || '--release --package headcount-node'
const cargo = ['build', ...selection.split(' '), '--message-format', 'json-render-diagnostics']
const built = spawnSync('cargo', cargo, { cwd: here, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', maxBuffer: 1 << 28 })
if (built.error) fail(`cargo cannot be run (${built.error.code}): the addon is built with Rust, see https://rustup.rs`)
if (built.status !== 0) fail(`cargo ended with ${built.status ?? built.signal}`)

const library = built.stdout
  .split('\n')
  .filter((line) => line.startsWith('{'))
  .map((line) => JSON.parse(line))
  .filter((message) => message.reason === 'compiler-artifact' && message.target.name === 'headcount_node')
  .flatMap((message) => message.filenames)
  .find((name) => /\.(so|dylib|dll)$/.test(name))
if (!library) fail('cargo built no library')
// Copied under another name and then renamed: a process that has loaded the old addon keeps the old file.
copyFileSync(library, `${addon}.new`)
renameSync(`${addon}.new`, addon)
writeBuilt()
for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) copyFileSync(join(here, '..', name), join(here, name))

/** Writes `built.js`, which has a function with a literal `require` for each addon in the folder: several systems may share a clone. */
function writeBuilt() {
  const platforms = readdirSync(here).flatMap((name) => name.match(/^headcount\.(.+)\.node$/)?.[1] ?? []).sort()
  const entries = platforms.map(
    (platform) => `  '${platform}': (failed) => {
    try {
      return require('./headcount.${platform}.node')
    } catch (error) {
      failed(error)
    }
  },
`,
  )
  writeFileSync(join(here, 'built.js'), `'use strict'\n// Written by scripts/build.mjs: the addons in this folder.\n\nmodule.exports = {\n${entries.join('')}}\n`)
}

function fail(why) {
  console.error(`headcount: ${why}`)
  process.exit(1)
}

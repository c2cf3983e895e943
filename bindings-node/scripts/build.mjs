// Builds the addon with cargo and puts it beside the package's JavaScript.
//
// With --if-needed, as npm's install script: nothing happens in an unpacked package that brings its addon along; in a clone cargo
// itself knows whether anything has changed.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, renameSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(dirname(fileURLToPath(import.meta.url)))
const { addonName } = createRequire(import.meta.url)('../native.js')
const addon = join(here, addonName())
const inClone = existsSync(join(here, 'Cargo.toml'))

if (!inClone) {
  if (existsSync(addon)) process.exit(0)
  fail(`this package has no ${addonName()}: build it in a clone of the repository (npm ci && npm run build && npm pack)`)
}

const cargo = ['build', '--release', '--package', 'headcount-node', '--message-format', 'json-render-diagnostics']
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
// Under a name of its own first: a process that has the old addon loaded keeps it.
copyFileSync(library, `${addon}.new`)
renameSync(`${addon}.new`, addon)

function fail(why) {
  console.error(`headcount: ${why}`)
  process.exit(1)
}

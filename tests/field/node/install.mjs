// Installs the packages for the tests of this folder, as npm would install them from the registry. The Makefile runs this program before the tests.
import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, linkSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const clone = join(here, '../../../bindings-node')
const { platformName } = createRequire(import.meta.url)('../../../bindings-node/native.js')
const addon = `headcount.${platformName()}.node`

const modules = join(here, 'node_modules')
execFileSync(process.env.PYTHON ?? 'python3', [join(here, '../../../packaging/npm.py'), '--unpacked', modules, join(clone, addon)], { stdio: 'inherit' })

// attw and publint check the package `headcount` alone.
replace(join(here, 'build/types'))
cpSync(join(modules, 'headcount'), join(here, 'build/types'), { recursive: true })

// The package as a clone has it, with the addon in its folder. The files are copied, because bundlers treat a linked folder as part of the application.
const copy = join(here, 'build/clone/node_modules/headcount')
replace(copy)
const [{ files }] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'], { cwd: clone, encoding: 'utf8' }))
for (const { path } of files) {
  mkdirSync(dirname(join(copy, path)), { recursive: true })
  copyFileSync(join(clone, path), join(copy, path))
}
copyFileSync(join(clone, 'built.js'), join(copy, 'built.js'))
// With debug information, the addon is large.
for (const name of readdirSync(clone).filter((name) => name.endsWith('.node'))) link(join(clone, name), join(copy, name))

/** Removes a folder, and makes the one that contains it. */
function replace(folder) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(dirname(folder), { recursive: true })
}

/** Links a file, or copies it if it cannot be linked. */
function link(from, to) {
  try {
    linkSync(from, to)
  } catch {
    copyFileSync(from, to)
  }
}

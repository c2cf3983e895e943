// Installs the package headcount for the tests of this folder, as npm would install it from the registry. The Makefile runs this program before the tests.
import { execFileSync } from 'node:child_process'
import { copyFileSync, linkSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))

install()

/**
 * Installs the files of the package, as `npm pack` selects them, in `node_modules` and, without the addon, in `build/types`. It makes no link to the source
 * folder, because bundlers treat linked packages as part of the application.
 */
function install() {
  const source = join(here, '../../../bindings-node')
  const [{ files }] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'], { cwd: source, encoding: 'utf8' }))
  for (const [folder, wanted] of [[join(here, 'node_modules/headcount'), () => true], [join(here, 'build/types'), (path) => !path.endsWith('.node')]]) {
    rmSync(folder, { recursive: true, force: true })
    for (const { path } of files) {
      if (!wanted(path)) continue
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      copy(join(source, path), join(folder, path))
    }
  }
}

/** Copies a file. The addon with debug information is large, so it is linked, or copied if it cannot be linked. */
function copy(from, to) {
  try {
    if (!from.endsWith('.node')) return copyFileSync(from, to)
    linkSync(from, to)
  } catch {
    copyFileSync(from, to)
  }
}

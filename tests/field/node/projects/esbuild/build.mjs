// build.mjs
import { build } from 'esbuild'

await build({
  entryPoints: ['app.mjs'],
  outfile: 'dist/app.cjs',
  bundle: true,
  platform: 'node',
  format: 'cjs',
  loader: { '.node': 'copy' },
})

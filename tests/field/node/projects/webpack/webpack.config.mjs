// webpack.config.mjs
export default {
  target: 'node20',
  mode: 'production',
  entry: './app.mjs',
  output: { filename: 'app.cjs', clean: true },
  // headcount is not bundled, and is loaded from node_modules.
  externals: [/^headcount(\/|$)/],
  externalsType: 'import',
}

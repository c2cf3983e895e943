// webpack.bundled.mjs
export default {
  target: 'node20',
  mode: 'production',
  entry: './app.mjs',
  output: { filename: 'app.cjs', clean: true },
  // headcount is bundled. The addon is a file beside the bundle.
  module: { rules: [{ test: /\.node$/, loader: 'node-loader' }] },
  // addons.js requires the addon of each platform, and those of other platforms are not installed.
  ignoreWarnings: [{ module: /headcount[\\/]addons\.js$/ }],
}

// The declarations for `import`: the same as for `require`.
export * from './index.js'
export { Client as default } from './index.js'

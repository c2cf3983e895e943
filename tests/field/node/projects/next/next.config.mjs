// next.config.mjs
export default {
  serverExternalPackages: ['headcount'],
}

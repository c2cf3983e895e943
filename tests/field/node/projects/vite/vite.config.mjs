// vite.config.mjs
import { defineConfig } from 'vite'

export default defineConfig({
  build: { ssr: 'app.mjs', target: 'node20' },
  ssr: { external: ['headcount'] },
})

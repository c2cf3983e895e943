// The application: webhook endpoint, worker and an hourly sync.
//
// Environment variables: SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET and SCALEKIT_WEBHOOK_SECRET; optional are PORT,
// MIRROR and ACCOUNTS.
import { createServer } from 'node:http'
import { Client } from 'headcount'
import { Accounts } from './accounts.mjs'
import { openMirror, syncAll } from './directory.mjs'
import { endpoint } from './endpoint.mjs'
import { follow } from './worker.mjs'

const HOUR = 3_600_000

const mirror = await openMirror(process.env.MIRROR ?? 'mirror.db', Client.fromEnv())
const accounts = new Accounts(process.env.ACCOUNTS ?? 'accounts.json')
const stop = new AbortController()

const sync = () => syncAll(mirror).catch((error) => console.error(`sync: ${error.message}`))
const timer = setInterval(sync, HOUR)
const server = createServer(endpoint(mirror)).listen(process.env.PORT ?? 8000, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/webhooks/scalekit`)
})

async function end() {
  clearInterval(timer)
  stop.abort()
  server.close()
  server.closeIdleConnections()
}
process.once('SIGTERM', end).once('SIGINT', end)

const synced = sync()
// Returns after the signal. An error ends the process; a supervisor can start it again without losing changes.
await follow(mirror, accounts, { signal: stop.signal })
await synced
await mirror.close()

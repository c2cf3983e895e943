// Lists all directories of an environment at once: `node concurrent.mjs ENVIRONMENT_URL CLIENT_ID CLIENT_SECRET`. Finds the directories, prints `ready`,
// waits for a line on standard input, lists them, and prints the numbers of users and requests, and how long that took.
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const { Client } = createRequire(fileURLToPath(new URL('../../bindings-node/package.json', import.meta.url)))('headcount')
const client = new Client(...process.argv.slice(2))
const organizations = []
for await (const { id } of client.organization.all()) organizations.push(id)
const found = (await Promise.all(organizations.map((id) => client.directory.listDirectories(id)))).flatMap(({ directories }) => directories)
console.log('ready')
await once(process.stdin, 'data')

const count = async ({ organizationId, id }) => {
  let users = 0
  for await (const _ of client.directory.users(organizationId, id)) users++
  return users
}
const before = client.stats().requests
const started = performance.now()
const counts = await Promise.all(found.map(count))
const seconds = (performance.now() - started) / 1000
console.log(JSON.stringify({ users: counts.reduce((a, b) => a + b), requests: client.stats().requests - before, seconds: Number(seconds.toFixed(3)) }))
process.exit()

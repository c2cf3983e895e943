// What listing a directory costs with the official SDK for Node, which speaks gRPC: `node list_sdk.mjs URL`, for benches/peers/listing_server.mjs.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const peers = createRequire(fileURLToPath(new URL('../../tests/interop/package.json', import.meta.url)))
const { ScalekitClient } = peers('@scalekit-sdk/node')
const { version } = peers('@scalekit-sdk/node/package.json')

const client = new ScalekitClient(process.argv[2], 'skc_1', 'secret')

/** Counts the users up to `most`, and looks at each so that nothing can be skipped. */
async function list(most) {
  let users = 0
  let emailChars = 0
  let pageToken = ''
  do {
    const page = await client.directory.listDirectoryUsers('org_1', 'dir_1', { pageSize: 30, includeDetail: true, pageToken })
    for (const user of page.users) emailChars += user.email.length
    users += page.users.length
    pageToken = page.nextPageToken
  } while (pageToken && users < most)
  return { users, emailChars }
}

await list(300) // the token, the connection, and whatever is made once; ten pages are too few for all that V8 compiles
const cpu = process.cpuUsage()
const started = performance.now()
const { users, emailChars } = await list(Infinity)
const wall = performance.now() - started
const { user, system } = process.cpuUsage(cpu)
if (users !== 10_000) throw new Error(`${users} users`)
console.log(
  JSON.stringify({
    name: '@scalekit-sdk/node',
    version,
    users,
    cpu_us_per_user: Number(((user + system) / users).toFixed(2)),
    wall_ms: Math.round(wall),
    max_rss_mb: Number((process.resourceUsage().maxRSS / 1024).toFixed(1)),
    email_chars: emailChars,
  }),
)
process.exit() // the SDK keeps its connection, and Node with it

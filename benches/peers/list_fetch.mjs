// What listing a directory costs with nothing but Node's own fetch, by hand: `node list_fetch.mjs URL`, for benches/peers/listing_server.mjs.
const url = process.argv[2]

async function authorized() {
  const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'skc_1', client_secret: 'secret' })
  const response = await fetch(`${url}/oauth/token`, { method: 'POST', body })
  if (!response.ok) throw new Error(`HTTP ${response.status}`)
  return { authorization: `Bearer ${(await response.json()).access_token}` }
}

const headers = await authorized()

/** Counts the users up to `most`, and looks at each so that nothing can be skipped. */
async function list(most) {
  let users = 0
  let emailChars = 0
  let pageToken = ''
  do {
    const query = new URLSearchParams({ page_size: '30', include_detail: 'true' })
    if (pageToken) query.set('page_token', pageToken)
    const response = await fetch(`${url}/api/v1/organizations/org_1/directories/dir_1/users?${query}`, { headers })
    if (!response.ok) throw new Error(`HTTP ${response.status}`)
    const page = await response.json()
    for (const user of page.users) emailChars += user.email.length
    users += page.users.length
    pageToken = page.next_page_token
  } while (pageToken && users < most)
  return { users, emailChars }
}

await list(300) // the connection, and whatever is made once; ten pages are too few for all that V8 compiles
const cpu = process.cpuUsage()
const started = performance.now()
const { users, emailChars } = await list(Infinity)
const wall = performance.now() - started
const { user, system } = process.cpuUsage(cpu)
if (users !== 10_000) throw new Error(`${users} users`)
console.log(
  JSON.stringify({
    name: 'fetch',
    version: `undici ${process.versions.undici}`,
    users,
    cpu_us_per_user: Number(((user + system) / users).toFixed(2)),
    wall_ms: Math.round(wall),
    max_rss_mb: Number((process.resourceUsage().maxRSS / 1024).toFixed(1)),
    email_chars: emailChars,
  }),
)
process.exit() // not only after the connection's keep-alive

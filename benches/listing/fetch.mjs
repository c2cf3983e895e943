// Lists users with Node's fetch, without a library: `node fetch.mjs URL`. The server is server.mjs.
import { measure } from './measure.mjs'

const url = process.argv[2]

/** Requests an access token, and returns the header with it. */
async function authorized() {
  const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'skc_1', client_secret: 'secret' })
  const response = await fetch(`${url}/oauth/token`, { method: 'POST', body })
  if (!response.ok) throw new Error(`HTTP ${response.status}`)
  return { authorization: `Bearer ${(await response.json()).access_token}` }
}

const headers = await authorized()

await measure('fetch, by hand', `undici ${process.versions.undici}`, async (most) => {
  let users = 0
  let emailChars = 0
  let detailChars = 0
  let pageToken = ''
  do {
    const query = new URLSearchParams({ page_size: '30', include_detail: 'true' })
    if (pageToken) query.set('page_token', pageToken)
    const response = await fetch(`${url}/api/v1/organizations/org_1/directories/dir_1/users?${query}`, { headers })
    if (!response.ok) throw new Error(`HTTP ${response.status}`)
    const page = await response.json()
    for (const user of page.users) {
      emailChars += user.email.length
      detailChars += user.user_detail.title.length
    }
    users += page.users.length
    pageToken = page.next_page_token
  } while (pageToken && users < most)
  return { users, emailChars, detailChars }
})

// Lists the users of a directory with fetch.
import { setTimeout } from 'node:timers/promises'

const retried = new Set([429, 500, 502, 503, 504])

/** Sends a request, and repeats it up to four times after an error that may pass. Returns the JSON of the answer. */
async function request(path, options) {
  for (let attempt = 0; ; attempt++) {
    let wait = 2 ** attempt / 2
    try {
      const response = await fetch(process.env.SCALEKIT_ENVIRONMENT_URL + path, { ...options, signal: AbortSignal.timeout(30_000) })
      if (response.ok) return await response.json()
      const error = new Error(`HTTP ${response.status}: ${await response.text()}`)
      if (!retried.has(response.status)) throw Object.assign(error, { isFinal: true })
      wait = Number(response.headers.get('retry-after') ?? wait)
      throw error
    } catch (error) {
      if (error.isFinal || attempt === 4) throw error
    }
    await setTimeout(wait * 1000)
  }
}

export async function listUsers() {
  const { SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET, ORGANIZATION, DIRECTORY } = process.env
  const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: SCALEKIT_CLIENT_ID, client_secret: SCALEKIT_CLIENT_SECRET })
  const { access_token: token } = await request('/oauth/token', { method: 'POST', body })
  const users = []
  const query = new URLSearchParams({ page_size: '100', include_detail: 'true' })
  for (;;) {
    const page = await request(`/api/v1/organizations/${ORGANIZATION}/directories/${DIRECTORY}/users?${query}`, { headers: { authorization: `Bearer ${token}` } })
    for (const user of page.users)
      users.push({ id: user.id, email: user.email, active: user.user_detail?.active ?? true, changedAt: Date.parse(user.updated_at) })
    if (!page.next_page_token) return { users, total: page.total_size }
    query.set('page_token', page.next_page_token)
  }
}

// A program with the vendor's SDK: `node with_scalekit.mjs sync | serve | users | leavers`.
import { setTimeout } from 'node:timers/promises'
import { ScalekitClient, ScalekitServiceUnavailableException, ScalekitTooManyRequestsException, WebhookVerificationError } from '@scalekit-sdk/node'
import { main } from './application.mjs'

const { SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET, ORGANIZATION, DIRECTORY } = process.env
const client = new ScalekitClient(SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET)

export function verify(secret, headers, body) {
  try {
    return client.verifyWebhookPayload(secret, headers, body.toString())
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false
    throw error
  }
}

/** Requests a page, and repeats the request up to four times after an error that may pass. */
async function pageAfter(pageToken) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await client.directory.listDirectoryUsers(ORGANIZATION, DIRECTORY, { pageSize: 100, includeDetail: true, pageToken })
    } catch (error) {
      const mayPass = error instanceof ScalekitTooManyRequestsException || error instanceof ScalekitServiceUnavailableException
      if (!mayPass || attempt === 4) throw error
      await setTimeout(500 * 2 ** attempt)
    }
  }
}

async function listUsers() {
  const users = []
  let token = ''
  for (;;) {
    const page = await pageAfter(token)
    for (const { id, email, userDetail, updatedAt } of page.users)
      users.push({ id, email, active: userDetail?.active ?? true, changedAt: Number(updatedAt.seconds) * 1000 + Math.floor(updatedAt.nanos / 1e6) })
    token = page.nextPageToken
    if (!token) return { users, total: page.totalSize }
  }
}

if (import.meta.filename === process.argv[1]) await main(verify, listUsers)

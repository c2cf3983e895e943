// Lists users with the official SDK for Node, which uses gRPC: `node sdk.mjs URL`. The server is server.mjs.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { measure } from './measure.mjs'

const peers = createRequire(fileURLToPath(new URL('../../tests/interop/package.json', import.meta.url)))
const { ScalekitClient } = peers('@scalekit-sdk/node')
const { version } = peers('@scalekit-sdk/node/package.json')

const client = new ScalekitClient(process.argv[2], 'skc_1', 'secret')

await measure('official SDK', version, async (most) => {
  let users = 0
  let emailChars = 0
  let detailChars = 0
  let pageToken = ''
  do {
    const page = await client.directory.listDirectoryUsers('org_1', 'dir_1', { pageSize: 30, includeDetail: true, pageToken })
    for (const user of page.users) {
      emailChars += user.email.length
      detailChars += user.userDetail.title.length
    }
    users += page.users.length
    pageToken = page.nextPageToken
  } while (pageToken && users < most)
  return { users, emailChars, detailChars }
})

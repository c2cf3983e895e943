// Lists users with headcount for Node: `node headcount.mjs URL CA_FILE`. The server is server.mjs.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { measure } from './measure.mjs'

const { Client, version } = createRequire(fileURLToPath(new URL('../../bindings-node/package.json', import.meta.url)))('headcount')
const [url, caFile] = process.argv.slice(2)
const client = new Client(url, 'skc_1', 'secret', { caFile, proxy: '' })

await measure('headcount', version, async (most) => {
  let users = 0
  let emailChars = 0
  let detailChars = 0
  for await (const user of client.directory.users('org_1', 'dir_1', { includeDetail: true })) {
    users += 1
    emailChars += user.email.length
    detailChars += user.userDetail.title.length
    if (users === most) break
  }
  return { users, emailChars, detailChars }
})

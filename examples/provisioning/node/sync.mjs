// The cron job: `npm run sync`. With arguments it syncs one organization or one directory, `npm run sync -- org_1 dir_1`, or approves
// a hold: `npm run sync -- --approve hold_1_2 --by ops@example.com --note 'confirmed by the customer'`.
import { parseArgs } from 'node:util'
import { Client } from 'headcount'
import { openMirror, syncAll } from './directory.mjs'

const text = { type: 'string' }
const { values, positionals } = parseArgs({ allowPositionals: true, options: { approve: text, by: text, note: text } })
const [organizationId, directoryId] = positionals
const mirror = await openMirror(process.env.MIRROR ?? 'mirror.db', Client.fromEnv())
if (values.approve) {
  const count = await mirror.approve(values.approve, { by: values.by ?? '', note: values.note })
  console.log(`${count} users lost access`)
} else if (organizationId) {
  const done = await mirror.sync(organizationId, directoryId)
  for (const { outcome, deleted } of [done].flat()) console.log(`${outcome}, ${deleted} removed`)
} else {
  process.exitCode = await syncAll(mirror)
}
await mirror.close()

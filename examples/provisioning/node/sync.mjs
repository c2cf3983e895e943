// The cron job: `npm run sync`. With arguments it syncs one organization or one directory, `npm run sync -- org_1 dir_1`, or approves
// a hold: `npm run sync -- --approve hold_1_2 --by ops@example.com --note 'confirmed by the customer'`. `npm run sync -- --plan` prints what the
// sync of all directories would do, and `npm run sync -- --explain diruser_1` why a directory user has or lost access. Both change nothing.
import { parseArgs } from 'node:util'
import { Client, Mirror } from 'headcount'
import { openMirror, planAll, syncAll } from './directory.mjs'

const text = { type: 'string' }
const { values, positionals } = parseArgs({ allowPositionals: true, options: { plan: { type: 'boolean' }, explain: text, approve: text, by: text, note: text } })
const [organizationId, directoryId] = positionals
const [path, client] = [process.env.MIRROR ?? 'mirror.db', Client.fromEnv()]
// `openMirror` sets the role map.
const mirror = values.plan || values.explain ? new Mirror(path, { client }) : await openMirror(path, client)
if (values.plan) {
  process.exitCode = await planAll(mirror, client)
} else if (values.explain) {
  console.log(String(await mirror.explain(values.explain)))
} else if (values.approve) {
  const count = await mirror.approve(values.approve, { by: values.by ?? '', note: values.note })
  console.log(`${count} users lost access`)
} else if (organizationId) {
  const done = await mirror.sync(organizationId, directoryId)
  for (const { outcome, deleted } of [done].flat()) console.log(`${outcome}, ${deleted} removed`)
} else {
  process.exitCode = await syncAll(mirror)
}
await mirror.close()

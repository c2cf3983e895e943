// The cron job: `npm run sync`. With arguments it syncs one organization or one directory, and can apply held removals:
// `npm run sync -- org_1 dir_1 --approve-removals`.
import { Client } from 'headcount'
import { openMirror, syncAll } from './directory.mjs'

const mirror = await openMirror(process.env.MIRROR ?? 'mirror.db', Client.fromEnv())
const args = process.argv.slice(2)
const [organizationId, directoryId] = args.filter((arg) => !arg.startsWith('--'))
if (organizationId) {
  const done = await mirror.sync(organizationId, directoryId, { approveRemovals: args.includes('--approve-removals') })
  for (const { outcome, deleted } of [done].flat()) console.log(`${outcome}, ${deleted} removed`)
} else if (!(await syncAll(mirror))) {
  process.exitCode = 1
}
await mirror.close()

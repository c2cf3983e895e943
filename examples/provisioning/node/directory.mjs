// The mirror of all customers' directories, and the cron job that keeps it right whatever webhooks were lost.
import { Mirror, errors } from 'headcount'

/** Which groups of a directory give which roles in the application. All that fit count. */
const ROLES = [
  ['Engineering', 'developer'],
  ['Security', 'admin'],
  ['*', 'member'],
]

export async function openMirror(path, client) {
  const mirror = new Mirror(path, { client })
  await mirror.setRoleMap(ROLES)
  return mirror
}

/** Syncs every directory of every organization; whether all went well. */
export async function syncAll(mirror, log = console.log) {
  const reports = await mirror.syncAll()
  for (const { organizationId, directoryId, outcome, created, updated, deleted, error } of reports) {
    log(`${organizationId} ${directoryId}: ${outcome}, ${created} new, ${updated} changed, ${deleted} gone`)
    if (error instanceof errors.MassRemovalError) {
      log(`  ${error.count} users have left at once, and ${error.limit} may: nobody was removed. If that is right:`)
      log(`  npm run sync -- ${organizationId} ${directoryId} --approve-removals`)
    } else if (error) {
      log(`  ${error.message}`)
    }
  }
  return reports.every(({ error }) => !error)
}

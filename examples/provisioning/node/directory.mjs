// Opens the mirror, and syncs it: the cron job, which also finds the changes of lost webhooks.
import { Mirror, errors } from 'headcount'

/** Roles by the names of groups. A user has the roles of all matching entries. */
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

/** Syncs every directory of every organization. Returns whether all syncs succeeded. */
export async function syncAll(mirror, log = console.log) {
  const reports = await mirror.syncAll()
  for (const { organizationId, directoryId, outcome, created, updated, deleted, error } of reports) {
    log(`${organizationId} ${directoryId}: ${outcome}, ${created} new, ${updated} changed, ${deleted} removed`)
    if (error instanceof errors.MassRemovalError) {
      log(`  ${error.count} users are missing, and the guard allows ${error.limit}: none was removed. To remove them:`)
      log(`  npm run sync -- ${organizationId} ${directoryId} --approve-removals`)
    } else if (error) {
      log(`  ${error.message}`)
    }
  }
  return reports.every(({ error }) => !error)
}

// Opens the mirror, and syncs it with every directory. Syncs also find the changes of lost webhooks.
import { Mirror } from 'headcount'

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

/** Syncs every directory of every organization. Returns the exit code: 1 if a sync failed, 3 if one has the outcome `held`, else 0. */
export async function syncAll(mirror, log = console.log) {
  return show(await mirror.syncAll(), log)
}

/** Prints what `syncAll` would do, and changes nothing. Returns the exit code that `syncAll` would return. */
export async function planAll(mirror, client, log = console.log) {
  const reports = []
  for await (const { id } of client.organization.all()) {
    const plan = await mirror.plan(id)
    reports.push(...plan.reports)
    await plan.close()
  }
  const code = show(reports, log)
  log('planned only: nothing was changed')
  return code
}

/** Prints the reports of syncs, and returns the exit code. */
function show(reports, log) {
  for (const { organizationId, directoryId, outcome, created, updated, deleted, holds, error } of reports) {
    log(`${organizationId} ${directoryId}: ${outcome}, ${created} new, ${updated} changed, ${deleted} removed`)
    for (const { id, reason, count, limit } of holds) {
      log(`  held: ${reason}, ${count} users, ${limit} permitted. If these users should lose access, approve the hold:`)
      log(`  npm run sync -- --approve ${id} --by YOU`)
    }
    if (outcome === 'failed') log(`  ${error.message}`)
  }
  const outcomes = reports.map(({ outcome }) => outcome)
  return outcomes.includes('failed') ? 1 : outcomes.includes('held') ? 3 : 0
}

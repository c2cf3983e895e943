// Updates the accounts from the mirror's feed. Changes arrive at least once and in order, so handling a change has to be idempotent.

const CONSUMER = 'provisioner'

/** Handles changes until `signal` is aborted. */
export async function follow(mirror, accounts, { signal, log = console.log } = {}) {
  const known = await mirror.consumers()
  if (!known.some(({ name }) => name === CONSUMER)) {
    // On the first start, handle all users of the mirror, and then the changes.
    await mirror.startFromSnapshot(CONSUMER)
  }
  for await (const change of mirror.changes(CONSUMER, { signal })) {
    try {
      await handle(change, mirror, accounts)
    } catch (error) {
      // A change that cannot be handled is put aside for a person, so that it does not delay the others.
      await change.park(error.message)
      log(`put aside: change ${change.seq}, ${change.kind}: ${error.message}`)
      continue
    }
    await change.ack()
    if (change.user) log(`${change.kind}: ${change.user.id}`)
  }
}

async function handle(change, mirror, accounts) {
  switch (change.kind) {
    case 'user.created':
    case 'user.updated':
    case 'user.deactivated':
    case 'user.reactivated':
    case 'roles.changed':
      return provision(change.user, mirror, accounts)
    case 'user.deleted':
      return deprovision(change.user, accounts)
    default:
    // Changes of groups and memberships affect accounts only through roles, which have changes of their own.
  }
}

/** Creates or updates the account of a directory user. */
async function provision(user, mirror, accounts) {
  const wanted = {
    organizationId: user.organizationId,
    email: user.email,
    name: `${user.givenName} ${user.familyName}`.trim(),
    roles: user.roles,
    active: user.active,
  }
  // Accounts are found by the directory's user id. An email address can change, or be given to another user.
  const known = accounts.of(user.id)
  if (known) accounts.update(known.id, wanted)
  const account = known ?? accounts.create({ directoryUserId: user.id, ...wanted })
  // Later changes of this user have the account's id in `user.linkedId`. The user may have been removed in the meantime.
  if (user.linkedId !== account.id && (await mirror.user(user.id))) await mirror.link(user.id, account.id)
}

/** Deactivates the account of a removed user. The account and its data stay. */
function deprovision(user, accounts) {
  const account = accounts.of(user.id)
  if (account) accounts.update(account.id, { active: false, roles: [] })
}

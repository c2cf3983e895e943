// Follows the mirror's feed and does to accounts what happened to people. Every change comes at least once, and in order: whatever is done
// here must come to the same when it is done again.

const CONSUMER = 'provisioner'

/** Handles changes until `signal` is aborted. */
export async function follow(mirror, accounts, { signal, log = console.log } = {}) {
  const known = await mirror.consumers()
  if (!known.some(({ name }) => name === CONSUMER)) {
    // The first time: everybody who is there, and then what changes.
    await mirror.startFromSnapshot(CONSUMER)
  }
  for await (const change of mirror.changes(CONSUMER, { signal })) {
    try {
      await handle(change, mirror, accounts)
    } catch (error) {
      if (change.seq < 0) throw error
      // One change that cannot be handled stops no other: it is put aside, and somebody looks at it.
      await mirror.park(CONSUMER, change.seq, error.message)
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
    // Groups and memberships matter to this application by the roles they give, and those have changes of their own.
  }
}

/** Makes the account what the directory user is: a new one, or the one they have. */
async function provision(user, mirror, accounts) {
  const wanted = {
    organizationId: user.organizationId,
    email: user.email,
    name: `${user.givenName} ${user.familyName}`.trim(),
    roles: user.roles,
    active: user.active,
  }
  // Known by the directory's id for them, never by an address: addresses change, and are given to others.
  const known = accounts.of(user.id)
  if (known) accounts.update(known.id, wanted)
  const account = known ?? accounts.create({ directoryUserId: user.id, ...wanted })
  // Whoever reads the mirror finds the account from now on: `user.linkedId`.
  if (user.linkedId !== account.id && (await mirror.user(user.id))) await mirror.link(user.id, account.id)
}

/** A leaver may sign in no more. Their account and what they made stay. */
function deprovision(user, accounts) {
  const account = accounts.of(user.id)
  if (account) accounts.update(account.id, { active: false, roles: [] })
}

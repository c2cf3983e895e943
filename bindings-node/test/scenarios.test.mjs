// The shared scenarios of the mirror, in SQLite and in PostgreSQL. tests/scenarios/README.md describes them.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Mirror, Sandbox, Webhook, errors } from 'headcount'
import { newSchema, startPostgres } from './sandbox.mjs'

const folder = new URL('../../tests/scenarios/', import.meta.url)
const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
assert.ok(names.length >= 3)

const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
/** Returns the kind of an error, from its class: `MassRemovalError` is `mass_removal`. */
const kindOf = (error) => snake(error.name.replace(/Error$/, '')).slice(1)
/** Returns the named fields of a step that are present, in camelCase. */
const fields = (step, ...wanted) =>
  Object.fromEntries(wanted.filter((name) => step[name] !== undefined).map((name) => [camel(name), step[name]]))

for (const name of names) {
  test(`the scenario ${name} leads to the expected feed`, (t) => run(t, name, ':memory:'))
}

test('in PostgreSQL, the scenarios lead to the same feeds', async (t) => {
  const url = await startPostgres(t)
  for (const name of names) await t.test(name, (t) => run(t, name, url, { schema: newSchema() }))
})

/** Runs a scenario with a mirror at a path, or at the URL of a database. */
async function run(t, name, path, options = {}) {
  const scenario = JSON.parse(readFileSync(new URL(name, folder), 'utf8'))
  const sandbox = new Sandbox(scenario.sandbox)
  t.after(() => sandbox.close())
  sandbox.registerEndpoint('http://127.0.0.1:9/')
  const webhook = new Webhook(sandbox.webhookSecret)
  const client = sandbox.client()
  t.after(() => client.close())
  const settings = fields(scenario.mirror ?? {}, 'guard_users', 'guard_share', 'guard_events', 'fields')
  if (settings.fields) settings.fields = settings.fields.map(camel)
  if (scenario.mirror?.deletion_grace) settings.deletionGraceSeconds = scenario.mirror.deletion_grace
  const mirror = new Mirror(path, { client, webhookSecret: sandbox.webhookSecret, ...settings, ...options })
  t.after(() => mirror.close())
  const runners = stepRunners({ sandbox, client, mirror, webhook, ids: new Map(), workers: [] })
  for (const [index, step] of scenario.steps.entries()) {
    assert.ok(runners[step.do], `there is no step ${step.do}`)
    await runners[step.do](step, `step ${index}: ${JSON.stringify(step)}`)
  }
}

/** Returns an object with one function for each kind of step. The function runs a step of that kind. */
function stepRunners({ sandbox, client, mirror, webhook, ids, workers }) {
  const organization = sandbox.organizationId
  const id = (name) => ids.get(name) ?? assert.fail(`no user, group or hold is called ${name}`)

  const sync = async (step, at) => {
    const { mode, approve_removals: approveRemovals = false } = step
    const sync = mirror.sync(organization, sandbox.directoryId, { mode, approveRemovals })
    if (step.error !== undefined) {
      await assert.rejects(sync, (error) => kindOf(error) === step.error, at)
      return
    }
    const report = await sync
    assert.equal(report.outcome, step.outcome, at)
    for (const name of ['created', 'updated', 'deactivated', 'deleted', 'events', 'erased']) {
      if (step[name] !== undefined) assert.equal(report[name], step[name], `${at}: ${name}`)
    }
  }

  const plan = async (step, at) => {
    const { mode, approve_removals: approveRemovals = false } = step
    const plan = await mirror.plan(organization, sandbox.directoryId, { mode, approveRemovals })
    assert.equal(plan.outcome, step.outcome, at)
    assert.equal(plan.incomplete, null, at)
    assert.equal(plan.error && kindOf(plan.error), step.error ?? null, at)
    assert.deepEqual(plan.counts, step.counts, at)
    assert.deepEqual(plan.holds.map(({ reason }) => reason), step.reasons, at)
    const counts = {}
    for await (const { kind } of plan.changes) counts[kind] = (counts[kind] ?? 0) + 1
    assert.deepEqual(counts, step.counts, at)
    await plan.close()
  }

  /** Reads and acknowledges all changes of the step's consumer, and returns them. */
  const drain = async ({ consumer }) => {
    const all = []
    for (;;) {
      const batch = await mirror.poll(consumer, { limit: 2 })
      if (batch.length === 0) return all
      await mirror.ack(consumer, batch.at(-1).seq)
      all.push(...batch)
    }
  }

  /** Approves or dismisses the step's hold with `call`, and checks the result. */
  const decide = async (step, at, call) => {
    const decided = call(id(step.hold), { by: 'ops@example.com', note: 'looked at' })
    if (step.error !== undefined) await assert.rejects(decided, (error) => kindOf(error) === step.error, at)
    else assert.equal(await decided, step.count, at)
  }

  /** Makes a worker of the step's consumer. */
  const workerOf = ({ consumer, partitions }) => mirror.consumer(consumer, { partitions })

  /** The changes that the workers got, in this order, each with the number of its worker. */
  const got = []
  const follow = async (worker, number) => {
    for await (const change of worker) {
      await change.ack()
      got.push({ number, change })
    }
  }

  const startWorkers = async (step) => {
    for (let number = 0; number < step.count; number++) {
      const worker = workerOf(step)
      workers.push({ worker, ended: follow(worker, number) })
    }
    while (workers.some(({ worker }) => worker.partitions.length !== step.partitions / step.count)) await setTimeout(5)
  }

  const stopWorkers = async ({ count }, at) => {
    while (got.length < count) await setTimeout(5)
    for (const { worker } of workers) await worker.close()
    await Promise.all(workers.map(({ ended }) => ended))
    const seqs = got.map(({ change }) => change.seq).sort((a, b) => a - b)
    assert.deepEqual(seqs, Array.from({ length: count }, (_, index) => index + 1), at)
    assert.equal(new Set(got.map(({ number }) => number)).size, workers.length, at)
    // Each user's changes went to one worker, in ascending order.
    const last = new Map()
    for (const { number, change } of got) {
      if (!change.user) continue
      const before = last.get(change.user.id) ?? { number, seq: 0 }
      assert.ok(number === before.number && change.seq > before.seq, at)
      last.set(change.user.id, { number, seq: change.seq })
    }
  }

  const losePartition = async (step, at) => {
    const [one, two] = [workerOf(step), workerOf(step)]
    const { value: lost } = await one.next()
    await one.close()
    await assert.rejects(lost.ack(), (error) => kindOf(error) === step.error, at)
    const { value: again } = await two.next()
    assert.equal(again.seq, lost.seq, at)
    await again.ack()
    await two.close()
  }

  /** Returns a change in the form of an entry of the scenario, with the same fields. */
  const described = ({ kind, user, group, fields, cause, possibleRehireOf, possibleRehireLinkedId }, entry) => {
    const actual = {
      kind,
      user: user && user.email,
      group: group && group.displayName,
      fields: fields.map(snake),
      roles: user && user.roles,
      active: user && user.active,
      linked_id: user && user.linkedId,
      cause: cause.split(':')[0],
      rehire: possibleRehireOf !== null,
      rehire_linked_id: possibleRehireLinkedId,
    }
    return entry ? Object.fromEntries(Object.keys(entry).map((name) => [name, actual[name]])) : actual
  }

  return {
    create_user: (step) => ids.set(step.as, sandbox.createUser(fields(step, 'email', 'given_name', 'family_name', 'groups')).id),
    update_user: (step) => sandbox.updateUser(id(step.user), fields(step, 'email', 'given_name', 'family_name', 'active', 'groups')),
    delete_user: (step) => sandbox.deleteUser(id(step.user)),
    create_group: (step) => ids.set(step.as, sandbox.createGroup(fields(step, 'display_name')).id),
    update_group: (step) => sandbox.updateGroup(id(step.group), fields(step, 'display_name')),
    delete_group: (step) => sandbox.deleteGroup(id(step.group)),
    add_member: (step) => sandbox.addMember(id(step.group), id(step.user)),
    remove_member: (step) => sandbox.removeMember(id(step.group), id(step.user)),
    delete_users: async ({ count }) => {
      for await (const user of mirror.users(organization)) {
        if (count-- === 0) break
        sandbox.deleteUser(user.id)
      }
    },
    sync,
    plan,
    reconcile: async ({ known, absent, error: kind }, at) => {
      const found = mirror.reconcile(known.map(id), { organizationId: organization })
      if (kind !== undefined) await assert.rejects(found, (error) => kindOf(error) === kind, at)
      else assert.deepEqual(await found, absent.map(id).sort(), at)
    },
    receive: async (step, at) => {
      const { body } = sandbox.deliveries()[step.delivery]
      assert.equal(await mirror.receive(body, webhook.sign(body)), step.outcome, at)
    },
    forge: async (step, at) => {
      const { body } = sandbox.deliveries()[step.delivery]
      await assert.rejects(mirror.receive(`${body} `, webhook.sign(body)), errors.WebhookVerificationError, at)
    },
    role_map: ({ pairs }) => mirror.setRoleMap(pairs),
    role_map_entries: ({ entries }) =>
      mirror.setRoleMap(
        entries.map(({ key, group, id_of: idOf, role, organization: of }) => ({
          key,
          group: group ?? id(idOf),
          role,
          organizationId: of && (of === 'own' ? organization : 'org_0'),
        })),
      ),
    unmatched_roles: async (step, at) => assert.deepEqual((await mirror.unmatchedRoles()).map(({ role }) => role), step.roles, at),
    runs: async (step, at) => assert.deepEqual((await mirror.runs({ directoryId: sandbox.directoryId })).map(({ outcome }) => outcome), step.outcomes, at),
    event: async (step, at) => {
      const event = await mirror.event(JSON.parse(sandbox.deliveries()[step.delivery].body).id)
      assert.equal(event.subjectId, ids.get(step.user), at)
      assert.equal(event.outcome, step.outcome, at)
      assert.equal(event.settledAt !== null, step.settled, at)
      assert.equal(event.why !== null, step.explained, at)
    },
    explain: async (step, at) => {
      const why = await mirror.explain(id(step.user))
      assert.equal(why.state, step.state, at)
      assert.deepEqual(why.changes.flatMap(({ entry }) => entry.kinds), step.kinds, at)
      assert.deepEqual(why.changes.map(({ entry }) => entry.cause.split(':')[0]), step.causes, at)
      for (const { entry, run, event, approval, retirement } of why.changes) {
        assert.equal([run, event, approval, retirement].some((record) => record !== null), entry.cause !== 'roles', at)
      }
      assert.deepEqual([why.roles.length, why.events.length, why.holds.length], [step.grants, step.events, step.holds], at)
      assert.ok(why.outlook.length > 0 && why.text().includes(why.userId) && !String(why).includes('@'), at)
      assert.ok(why.user === null || why.text({ personal: true }).includes('@'), at)
    },
    pending: async (step, at) => assert.deepEqual((await mirror.pendingEvents(organization)).map(({ eventType }) => eventType), step.types, at),
    link: (step) => mirror.link(id(step.user), step.account_id ?? null),
    protect: async (step, at) => {
      await mirror.protect(id(step.user), { reason: step.reason })
      assert.equal((await mirror.user(id(step.user))).protection, step.reason, at)
    },
    unprotect: async (step, at) => {
      await mirror.unprotect(id(step.user))
      assert.equal((await mirror.user(id(step.user))).protection, null, at)
    },
    wait_for_deletion: async (step, at) => {
      const { active, deletesAt } = await mirror.user(id(step.user))
      assert.ok(!active && deletesAt !== null, at)
      const { deletionGraceSeconds } = await mirror.settings()
      await setTimeout(deletionGraceSeconds * 1000)
    },
    erase_user: async (step, at) => {
      const { userId, wasMirrored, changes } = await mirror.eraseUser(id(step.user))
      assert.deepEqual({ userId, wasMirrored, changes }, { userId: id(step.user), wasMirrored: step.was_mirrored, changes: step.count }, at)
      assert.equal(await mirror.user(id(step.user)), null, at)
    },
    enable_directory: () => client.directory.enableDirectory(organization, sandbox.directoryId),
    disable_directory: () => client.directory.disableDirectory(organization, sandbox.directoryId),
    retire: async (step, at) => assert.equal(await mirror.retire(sandbox.directoryId, { by: 'ops@example.com', note: 'looked at' }), step.count, at),
    forget_organization: async (step, at) => {
      const forgotten = mirror.forgetOrganization(organization)
      if (step.error !== undefined) {
        await assert.rejects(forgotten, (error) => kindOf(error) === step.error, at)
        return
      }
      const { organizationId, wasMirrored, users, changes } = await forgotten
      const expected = { organizationId: organization, wasMirrored: step.was_mirrored, users: step.users, changes: step.count }
      assert.deepEqual({ organizationId, wasMirrored, users, changes }, expected, at)
    },
    sync_all: async (step, at) => assert.equal((await mirror.syncAll()).length, step.count, at),
    status: async (step, at) => {
      const [{ users, groups, held }] = await mirror.status()
      assert.deepEqual({ users, groups, held: held && held.reason }, { users: step.users, groups: step.groups, held: step.held }, at)
    },
    hold: async (step, at) => {
      const hold = (await mirror.holds(organization, { directoryId: sandbox.directoryId })).find(({ reason }) => reason === step.reason)
      assert.deepEqual({ count: hold?.count, limit: hold?.limit }, { count: step.count, limit: step.limit }, at)
      let named = 0
      for await (const user of mirror.holdUsers(hold.id)) named += user.id ? 1 : 0
      assert.equal(named, step.count, at)
      ids.set(step.as, hold.id)
    },
    approve: (step, at) => decide(step, at, (hold, decision) => mirror.approve(hold, decision)),
    dismiss: (step, at) => decide(step, at, (hold, decision) => mirror.dismiss(hold, decision)),
    moment: async (step) => {
      let last
      for await (const entry of mirror.history()) last = entry
      // A Date, which has whole milliseconds.
      ids.set(step.as, new Date(last.at))
      await setTimeout(5)
    },
    at: async (step, at) => {
      const filter = { groupId: step.group && id(step.group), role: step.role }
      const emails = []
      for await (const user of mirror.at(id(step.moment), organization, filter)) emails.push(user.email)
      assert.deepEqual(emails.sort(), step.emails, at)
    },
    export: async ({ format, moment, group, role, count, contains }, at) => {
      let text = ''
      const limits = { moment: moment && id(moment), groupId: group && id(group), role }
      for await (const piece of mirror.export(organization, { format, ...limits })) text += piece
      assert.equal(text.split('\n').length - 1, count, at)
      assert.deepEqual(contains.filter((part) => !text.includes(part)), [], at)
    },
    history: async (step, at) => {
      const kinds = []
      const limits = { since: step.since && id(step.since), until: step.until && id(step.until) }
      for await (const entry of mirror.history({ userId: id(step.user), ...limits })) kinds.push(entry.kinds.join(' '))
      assert.deepEqual(kinds, step.kinds, at)
    },
    feed: async (step, at) => {
      const changes = await drain(step)
      assert.deepEqual(changes.map((change, n) => described(change, step.changes[n])), step.changes, at)
    },
    poll_groups: async ({ consumer, limit, kinds, count }, at) => {
      const groups = await mirror.poll(consumer, { limit, groupByUser: true })
      assert.deepEqual(groups.map((group) => group.map(({ kind }) => kind).join(' ')), kinds, at)
      const last = groups.flat().slice(0, count).at(-1)
      if (last) await mirror.ack(consumer, last.seq)
    },
    skip: drain,
    start_workers: startWorkers,
    stop_workers: stopWorkers,
    lose_partition: losePartition,
  }
}

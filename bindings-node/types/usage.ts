// Compiled, not run: calls that must compile, and mistakes that the compiler has to refuse.
import byDefault, { Client, METRICS_CONTENT_TYPE, Mirror, ReplayGuard, Sandbox, Scalekit, ScalekitClient, Webhook, errors, verifyWebhookPayload } from 'headcount'
import { webhook } from 'headcount/http'
import { deliver, event, signed, startSandbox } from 'headcount/testing'
import type { Approval, Change, ChangeKind, CopyReport, Directory, Erasure, Event, GroupPage, MirrorOptions, MirrorSettings, MirrorUser, Organization, OrganizationErasure, PendingEvent, Plan, ReceivedEvent, Retirement, Run, RoleMapEntry, SyncReport, User, UserPage, Worker } from 'headcount'

export async function calls(request: { headers: Record<string, string | string[] | undefined>; body: unknown }): Promise<void> {
  const scalekit = new ScalekitClient(process.env.SCALEKIT_ENVIRONMENT_URL!, process.env.SCALEKIT_CLIENT_ID!, process.env.SCALEKIT_CLIENT_SECRET!)
  const { organizations } = await scalekit.organization.listOrganization({ pageSize: 5 })
  const first: Organization | undefined = organizations[0]
  const { directory } = await scalekit.directory.getPrimaryDirectoryByOrganizationId(first!.id)
  const same: Directory = directory.directory
  const { users }: UserPage = await scalekit.directory.listDirectoryUsers(same.organizationId, same.id, { updatedAfter: new Date(), includeDetail: true })
  const { groups }: GroupPage = await scalekit.directory.listDirectoryGroups(same.organizationId, same.id)
  console.log(users[0]?.email, users[0]?.givenName, groups[0]?.displayName)
  // @ts-expect-error: there is no such field
  console.log(users[0]?.mail)
  // @ts-expect-error: a filter that is misspelt
  await scalekit.directory.listDirectoryUsers('org_1', 'dir_1', { pagesize: 5 })
  for await (const user of scalekit.directory.users('org_1', 'dir_1', { signal: AbortSignal.timeout(1000) })) {
    const one: User = user
    console.log(one.userDetail?.department)
  }
  const right: boolean = await scalekit.verifyWebhookPayload(process.env.SCALEKIT_WEBHOOK_SECRET, request.headers, request.body as object)
  console.log(right, verifyWebhookPayload('whsec_x', new globalThis.Headers(), 'body'))
  const client: Client = Client.fromEnv({ timeoutMs: 1000 })
  const others: [Client, Client] = [new Scalekit('', '', ''), byDefault.fromEnv()]
  others.forEach((other) => other.close())
  client.close()
}

export function receive(body: Buffer, headers: Record<string, string>): Event | undefined {
  try {
    const webhook = new Webhook(['whsec_1', 'whsec_2'], { toleranceSeconds: 60 })
    webhook.verify(body, webhook.sign(body))
    return webhook.verify(body, headers)
  } catch (error) {
    if (error instanceof errors.WebhookVerificationError && error.reason === 'too_old') return undefined
    if (error instanceof errors.ApiError) console.log(error.status, error.code, error.message)
    if (error instanceof errors.Error && error.kind === 'not_found') console.log(error.toJSON())
    throw error
  }
}

export function testWithSandbox(): string[] {
  using sandbox = new Sandbox({ organizations: 1, users: 50, groups: 5, seed: 1 })
  const user: User = sandbox.createUser({ email: 'ada@example.com', givenName: 'Ada', groups: ['Engineering'] })
  // @ts-expect-error: a field that is misspelt
  sandbox.updateUser(user.id, { lastName: 'King' })
  sandbox.fault(['429', 'latency:2s'], { every: 7 })
  sandbox.fault(null)
  sandbox.advance('6h')
  return sandbox.deliveries().map((delivery) => delivery.state)
}

export async function testWebhooks(url: string): Promise<number> {
  const body: Buffer = event('organization.directory.user_created', { data: { email: 'ada@example.com' } })
  // @ts-expect-error: a field that is misspelt
  event('organization.directory.user_created', { data: { mail: 'ada@example.com' } })
  event('a.type.of.tomorrow', { data: { anything: 1 } })
  const headers: Record<string, string> = { ...signed(new Webhook('whsec_x'), body) }
  console.log(headers['webhook-id'])
  const sandbox = startSandbox({ users: 3 })
  await sandbox.deliver(url, 'user.login', { organizationId: sandbox.organizationId })
  // @ts-expect-error: a field that is misspelt
  await sandbox.deliver(url, 'user.login', { data: { usr: {} } })
  sandbox.close()
  return (await deliver(url, 'user.login', { secret: 'whsec_x', id: 'msg_1' })) + (await deliver(url, body))
}

export async function once(redis: { exists(key: string): Promise<number>; set(key: string, value: string, options: { PXAT: number }): Promise<unknown> }, event: Event) {
  const guard = ReplayGuard.custom({
    contains: async (id) => (await redis.exists(id)) === 1,
    record: (id, expiresAt) => redis.set(id, '', { PXAT: expiresAt.getTime() }),
  })
  const first: boolean = await guard.check(event)
  if (first) await guard.commit(event.messageId)
  // @ts-expect-error: an option of guards in memory only
  ReplayGuard.sqlite('seen.db', { capacity: 3 })
  return webhook(() => {}, { replayGuard: new ReplayGuard({ capacity: 1000, retentionSeconds: 86_400 }) })
}

export async function provision(client: Client, request: { headers: Record<string, string | string[] | undefined>; body: Buffer }): Promise<number> {
  await using mirror = new Mirror('headcount.db', { client, webhookSecret: ['whsec_1', 'whsec_2'], guardUsers: 50, guardShare: 0.2, guardEvents: true, fullEverySeconds: 3600, consumerExpirySeconds: 86_400 })
  // @ts-expect-error: an option that is misspelt
  new Mirror('headcount.db', { guard: 3 })
  const reports: SyncReport[] = await mirror.sync('org_1')
  const same: SyncReport[] = await mirror.sync('org_1', { mode: 'full', signal: AbortSignal.timeout(1000) })
  const either: SyncReport | SyncReport[] = await mirror.sync('org_1', process.argv[2])
  console.log([either].flat()[0]?.mode === 'auto')
  const report: SyncReport = await mirror.sync('org_1', 'dir_1', { mode: 'auto', onProgress: ({ phase, items, total }) => console.log(phase, items, total ?? '?') })
  // @ts-expect-error: no such mode
  await mirror.sync('org_1', 'dir_1', { mode: 'quick' })
  const plan: Plan = await mirror.plan('org_1', 'dir_1', { mode: 'full', onProgress: ({ items }) => console.log(items) })
  console.log(plan.outcome === 'held', plan.counts['user.deleted'] ?? 0, plan.holds[0]?.reason, plan.error?.message)
  for await (const change of plan.changes) console.log(change.kind, change.before)
  await plan.close()
  // @ts-expect-error: a plan does not wait
  await mirror.plan('org_1', { wait: false })
  const all = await mirror.syncAll({ concurrency: 4 })
  for (const { outcome, error } of [...reports, ...same, report, ...all]) {
    if (outcome === 'failed') console.log(error?.message)
    if (error instanceof errors.MassRemovalError) console.log(error.count, error.limit, error.directoryId, error.userIds.length)
  }
  const outcome: 'applied' | 'duplicate' | 'stale' | 'pending' | 'held' | 'foreign' | 'erased' | 'ignored' = await mirror.receive(request.body, request.headers)
  // @ts-expect-error: a body that was parsed
  await mirror.receive({ id: 'evt_1' }, request.headers)
  await mirror.apply(new Webhook('whsec_1').verify(request.body, request.headers))
  for await (const user of mirror.users('org_1', { groupId: 'dirgroup_1' })) {
    const one: MirrorUser = user
    console.log(one.roles, one.linkedId?.length, one.detail?.title)
  }
  const user: MirrorUser | null = await mirror.user('diruser_1')
  await mirror.setRoleMap([['Engineering', 'developer']])
  await mirror.setRoleMap({ Engineering: 'developer' })
  await mirror.setRoleMap(new Map([['Engineering', 'developer']]).entries())
  // @ts-expect-error: a promise of pairs
  await mirror.setRoleMap(Promise.resolve([['Engineering', 'developer']]))
  await mirror.receive(request.body, request.headers, { now: new Date() })
  await mirror.sync('org_1', { onProgress: async ({ items }) => console.log(items) })
  await mirror.setRoleMap(new Map([['Engineering', 'developer']]))
  await mirror.setRoleMap([['Engineering', 'developer'], { key: 'name', group: 'Eng*', role: 'developer', organizationId: 'org_1' }, { group: 'Ops', role: 'operator' }])
  await mirror.setRoleMap(await mirror.roleMapEntries())
  // @ts-expect-error: a key that does not exist
  await mirror.setRoleMap([{ key: 'email', group: 'Eng*', role: 'developer' }])
  // @ts-expect-error: an entry without a role
  await mirror.setRoleMap([{ key: 'id', group: 'dirgroup_1' }])
  const unmatched: RoleMapEntry[] = await mirror.unmatchedRoles()
  const approvals: Approval[] = await mirror.approvals('org_1')
  const retirements: Retirement[] = await mirror.retirements()
  const pending: PendingEvent[] = await mirror.pendingEvents('org_1')
  const runs: Run[] = await mirror.runs({ directoryId: 'dir_1', limit: 10 })
  const received: ReceivedEvent | null = await mirror.event('evt_1')
  const why = await mirror.explain('diruser_1')
  console.log(why.text({ personal: true }), why.state === 'removed', why.changes[0]?.run?.outcome, why.changes[0]?.entry.kinds, why.roles[0]?.groupId?.length)
  const about: ReceivedEvent[] = await mirror.events({ subjectId: 'diruser_1' })
  console.log(runs[0]?.endedAt?.length, received?.why?.length, about[0]?.outcome === 'stale')
  const settings: MirrorSettings = await mirror.settings()
  console.log(unmatched[0]?.organizationId?.length, approvals[0]?.by, retirements[0]?.endedAt?.length, pending[0]?.why)
  console.log(settings.guard.windowSeconds, settings.consumerExpirySeconds?.toFixed(), settings.ignored[0]?.asked)
  await mirror.configure({ guardUsers: 5, consumerExpirySeconds: 0, pendingEvents: 100 })
  // @ts-expect-error: an option of the handle, which the store does not keep
  await mirror.configure({ webhookSecret: 'whsec_1' })
  const pooled: MirrorOptions = { connections: 20, lockTimeoutMs: 5_000, statementTimeoutMs: 30_000, preparedStatements: true }
  // @ts-expect-error: an option of the handle, which the store does not keep
  await mirror.configure({ connections: pooled.connections })
  // @ts-expect-error: the organization is required
  await mirror.pendingEvents()
  await mirror.unbindEnvironment()
  await mirror.backup('backup.db')
  const erasure: Erasure = await mirror.eraseUser('diruser_1')
  console.log(erasure.at, erasure.changes + erasure.history)
  const forgotten: OrganizationErasure = await mirror.forgetOrganization('org_1')
  console.log(forgotten.at, forgotten.directories + forgotten.users)
  const metrics: [string, string] = [await mirror.metrics({ organizations: true }), METRICS_CONTENT_TYPE]
  console.log(metrics)
  const absent: string[] = await mirror.reconcile(new Set(['diruser_1']), { organizationId: 'org_1', since: new Date(0) })
  console.log(absent)
  // @ts-expect-error: ids are texts
  await mirror.reconcile([1])
  const copied: CopyReport = await mirror.copyTo('copy.db', { schema: 'directories' })
  console.log(copied.checksum, copied.tables[0]?.rows)
  const [first] = await mirror.roleMap()
  console.log(outcome, user?.id, first?.[1].length)
  for (const { reason, change } of await mirror.parkedChanges('app')) console.log(reason, change.seq)
  for await (const change of mirror.changes('app', { signal: AbortSignal.timeout(1000) })) {
    handle(change)
    if (change.seq % 2 === 0) await change.ack()
    else await change.park('odd')
    // @ts-expect-error: a reason is required
    await change.park()
  }
  const worker: Worker = mirror.consumer('app', { partitions: 16, leaseSeconds: 120, signal: AbortSignal.timeout(1000) })
  for await (const change of worker) {
    handle(change)
    await change.ack()
  }
  await worker.ackAll()
  console.log(worker.partitions.at(0)?.toFixed())
  await worker.close()
  // @ts-expect-error: an option that does not exist
  mirror.consumer('app', { partition: 16 })
  const groups: Change[][] = await mirror.poll('app', { limit: 10, groupByUser: true })
  const single: Change[] = await mirror.poll('app', { limit: 10, groupByUser: false })
  const grouping: Change[] | Change[][] = await mirror.poll('app', process.argv.length > 2 ? { groupByUser: true } : {})
  console.log(groups.length, single.length, grouping.length)
  // @ts-expect-error: groups are not single changes
  const wrong: Change[] = await mirror.poll('app', { groupByUser: true })
  // @ts-expect-error: `wait` returns single changes only
  await mirror.wait('app', { groupByUser: true })
  console.log(wrong)
  const batch: Change[] = await mirror.wait('app', { limit: 10, timeoutMs: 100 })
  const last = batch.at(-1)
  if (last) await mirror.ack('app', last.seq)
  return batch.length
}

// The union type `Change` has a member for every kind of change.
export const everyKind: ChangeKind extends Change['kind'] ? true : false = true

function handle(change: Change): string {
  switch (change.kind) {
    case 'user.created':
      // @ts-expect-error: a created user has no `before`
      console.log(change.before.email)
      return change.after.email
    case 'user.updated':
    case 'user.deactivated':
    case 'user.reactivated':
    case 'roles.changed':
      return change.before.email + change.after.email + (change.user.linkedId ?? '')
    case 'user.deleted':
      return change.before.email
    case 'group.created':
    case 'group.updated':
    case 'group.deleted':
      return change.group.displayName
    case 'membership.added':
    case 'membership.removed':
      return change.user.email + change.group.displayName
    case 'directory.enabled':
    case 'directory.disabled':
    case 'directory.missing':
    case 'directory.found':
    case 'organization.missing':
    case 'organization.found':
    case 'organization.forgotten':
      return change.directoryId
    default: {
      const none: never = change
      return none
    }
  }
}

/** Options that may be undefined, with `exactOptionalPropertyTypes`. */
export function configure(client: Client, size: number | undefined, signal: AbortSignal | undefined, text: string | undefined) {
  new Client('', '', '', { timeoutMs: size, onActivity: undefined, proxy: text })
  new Mirror('headcount.db', { client: undefined, guardUsers: size, webhookSecret: text })
  new Webhook('whsec_x', { toleranceSeconds: size })
  new ReplayGuard({ capacity: size, retentionSeconds: size })
  new Sandbox({ users: size }).createUser({ email: 'ada@example.com', givenName: text })
  event('user.login', { organizationId: text })
  webhook(() => {}, { replayGuard: undefined, onError: undefined })
  client.directory.users('org_1', 'dir_1', { pageSize: size, signal, updatedAfter: text })
  return client.organization.updateOrganization('org_1', { externalId: text }, { signal, timeoutMs: size })
}

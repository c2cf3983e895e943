// Programs that were written for the vendor's SDK: each row of the Node table in docs/vendor-sdk.md names the test here that executes it.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import * as headcount from 'headcount'
import { ScalekitClient, errors } from 'headcount'
import { startSandbox } from './sandbox.mjs'

const KEY = Buffer.from('0123456789abcdef0123456789abcdef')
const BODY = '{"id":"evt_1","type":"user.login","occurred_at":"2025-01-06T18:44:25Z","data":{}}'

/** Starts a sandbox. Returns it, the arguments of the vendor's constructor, a client made with them, and the ids of an organization and its directory. */
const connect = async (t, sizes) => {
  const sandbox = await startSandbox(t, sizes)
  const credentials = [sandbox.environment_url, sandbox.client_id, sandbox.client_secret]
  return { sandbox, credentials, scalekit: new ScalekitClient(...credentials), org: sandbox.organization_id, dir: sandbox.directory_id }
}

test("the vendor's constructor options are accepted, and misspelt ones are refused", async (t) => {
  const { credentials, org } = await connect(t)
  const warned = once(process, 'warning')
  const scalekit = new ScalekitClient(...credentials, { timeoutMs: 20_000, toolTimeoutMs: 60_000 })
  const [warning] = await warned
  assert.equal(warning.code, 'HEADCOUNT_OPTION')
  assert.match(warning.message, /toolTimeoutMs/)
  assert.equal((await scalekit.organization.getOrganization(org)).organization.id, org)
  assert.throws(() => new ScalekitClient(...credentials, { timeoutMS: 1 }), errors.InvalidArgumentError)
})

test('organizations are created, read, updated and deleted', async (t) => {
  const { scalekit } = await connect(t)
  const { organization } = await scalekit.organization.createOrganization('Acme', { externalId: 't_9', slug: 'acme' })
  const { organizations, nextPageToken } = await scalekit.organization.listOrganization({ pageSize: 10 })
  assert.equal(organizations[0].id, organization.id, 'the newest organization is listed first')
  assert.equal(nextPageToken, '')
  assert.deepEqual(await scalekit.organization.getOrganization(organization.id), { organization })
  assert.deepEqual(await scalekit.organization.getOrganizationByExternalId('t_9'), { organization })
  const changed = await scalekit.organization.updateOrganization(organization.id, { displayName: 'Acme Aviation' })
  assert.equal(changed.organization.displayName, 'Acme Aviation')
  const again = await scalekit.organization.updateOrganizationByExternalId('t_9', { metadata: { plan: 'team' } })
  assert.deepEqual(again.organization.metadata, { plan: 'team' })
  await assert.rejects(scalekit.organization.updateOrganizationByExternalId('t_404', { displayName: 'x' }), errors.NotFoundError)
  await scalekit.organization.deleteOrganization(organization.id)
  await assert.rejects(scalekit.organization.getOrganization(organization.id), errors.NotFoundError)
})

test('an organization is read, changed and sent back as a whole', async (t) => {
  const { scalekit, org } = await connect(t)
  const { organization } = await scalekit.organization.getOrganization(org)
  assert.equal(organization.logoUrl, '')
  const { organization: changed } = await scalekit.organization.updateOrganization(org, { ...organization, displayName: 'Renamed' })
  assert.deepEqual({ ...changed, updateTime: null }, { ...organization, displayName: 'Renamed', updateTime: null })
  await assert.rejects(
    scalekit.organization.updateOrganization(org, { ...organization, displayname: 'x' }),
    (error) => error instanceof errors.InvalidArgumentError && /displayname/.test(error.message),
  )
})

test('a portal link is generated, and can be opened once within a minute', async (t) => {
  const { sandbox, scalekit, org } = await connect(t)
  const link = await scalekit.organization.generatePortalLink(org)
  assert.match(link.id, /^lnk_/)
  const seconds = (new Date(link.expireTime) - new Date()) / 1000
  assert.ok(seconds > 0 && seconds <= 60, String(seconds))
  assert.equal((await fetch(link.location)).status, 200)
  assert.equal((await fetch(link.location)).status, 404)
  const second = await scalekit.organization.generatePortalLink(org, { features: ['sso', 'dir_sync'] })
  assert.notEqual(second.id, link.id)
  await sandbox.control('POST', '/advance', { by: '61s' })
  assert.equal((await fetch(second.location)).status, 404)
  await assert.rejects(scalekit.organization.generatePortalLink(org, { features: ['magic'] }), errors.BadRequestError)
  await assert.rejects(scalekit.organization.generatePortalLink('org_404'), errors.NotFoundError)
})

test('settings of an organization are updated', async (t) => {
  const { scalekit, org } = await connect(t)
  const settings = { features: [{ name: 'sso', enabled: false }, { name: 'session_policy', enabled: true }] }
  const { organization } = await scalekit.organization.updateOrganizationSettings(org, settings)
  const enabled = (one) => Object.fromEntries(one.settings.features.map(({ name, enabled }) => [name, enabled]))
  assert.deepEqual(enabled(organization), { sso: false, dir_sync: true, session_policy: true })
  assert.deepEqual(enabled((await scalekit.organization.getOrganization(org)).organization), enabled(organization))
  await assert.rejects(scalekit.organization.updateOrganizationSettings(org, { features: [{ name: 'magic', enabled: true }] }), errors.BadRequestError)
  await assert.rejects(scalekit.organization.updateOrganizationSettings(org, { features: [{ nam: 'sso', enabled: true }] }), errors.InvalidArgumentError)
})

test('directories are listed, read, enabled and disabled', async (t) => {
  const { scalekit, org, dir } = await connect(t)
  const { directories } = await scalekit.directory.listDirectories(org)
  assert.equal(directories[0].id, dir)
  assert.equal((await scalekit.directory.getDirectory(org, dir)).directory.id, dir)
  assert.equal((await scalekit.directory.getPrimaryDirectoryByOrganizationId(org)).id, dir)
  assert.equal((await scalekit.directory.disableDirectory(org, dir)).enabled, false)
  assert.equal((await scalekit.directory.enableDirectory(org, dir)).enabled, true)
})

test('the primary directory of an organization without directories is an error instead of a string', async (t) => {
  const { scalekit } = await connect(t, { directories: 0 })
  const { organizations } = await scalekit.organization.listOrganization()
  await assert.rejects(scalekit.directory.getPrimaryDirectoryByOrganizationId(organizations[0].id), errors.NotFoundError)
})

test('users and groups are listed with the options of the vendor', async (t) => {
  const { scalekit, org, dir } = await connect(t, { users: 40 })
  const { users, totalSize } = await scalekit.directory.listDirectoryUsers(org, dir, { pageSize: 30, includeDetail: true, updatedAfter: '2025-01-06' })
  assert.equal(users.length, 30)
  assert.equal(totalSize, 40)
  assert.equal(typeof users[0].userDetail, 'object')
  const moment = new Date(users[20].updatedAt)
  const after = async (updatedAfter) => (await scalekit.directory.listDirectoryUsers(org, dir, { updatedAfter })).totalSize
  const expected = await after(moment.toISOString())
  assert.ok(expected > 0 && expected < 40, String(expected))
  assert.equal(await after(moment), expected)
  assert.equal(await after(moment.getTime()), expected)
  assert.equal(await after('2099-12-31'), 0)
  await assert.rejects(after('yesterday'), errors.InvalidArgumentError)
  await assert.rejects(after(NaN), errors.InvalidArgumentError)
  const { groups } = await scalekit.directory.listDirectoryGroups(org, dir, { pageSize: 30, updatedAfter: '2025-01-06' })
  assert.equal(groups.length, 5)
})

test('null stands for an option that is not set', async (t) => {
  const { scalekit, credentials, org, dir } = await connect(t)
  assert.equal((await new ScalekitClient(...credentials, null).organization.listOrganization()).totalSize, 1)
  const none = { timeoutMs: null, toolTimeoutMs: null, onActivity: null, proxy: null }
  assert.equal((await new ScalekitClient(...credentials, none).organization.listOrganization({ timeoutMs: null, signal: null })).totalSize, 1)
  assert.equal((await scalekit.organization.listOrganization(null)).totalSize, 1)
  assert.equal((await scalekit.directory.listDirectoryUsers(org, dir, null)).totalSize, 50)
  const unset = { pageSize: null, pageToken: null, includeDetail: null, directoryGroupId: null, updatedAfter: null }
  assert.equal((await scalekit.directory.listDirectoryUsers(org, dir, unset)).totalSize, 50)
  const { organization } = await scalekit.organization.updateOrganization(org, { displayName: 'Acme', externalId: null, metadata: null })
  assert.equal(organization.externalId, 'tenant_1')
})

test('times are RFC 3339 text instead of protobuf timestamps, and enums are names', async (t) => {
  const { scalekit, org, dir } = await connect(t)
  const { organization } = await scalekit.organization.getOrganization(org)
  assert.ok(new Date(organization.createTime) <= new Date(organization.updateTime))
  const { directory } = await scalekit.directory.getDirectory(org, dir)
  assert.equal(directory.directoryType, 'SCIM')
  assert.ok(!Number.isNaN(new Date(directory.lastSyncedAt).getTime()))
})

test('webhooks are verified with the secrets and headers that the vendor accepts', () => {
  const secret = `whsec_${KEY.toString('base64')}`
  const headers = new headcount.Webhook(secret).sign(BODY)
  const scalekit = new ScalekitClient('https://acme.scalekit.com', 'skc_1', 'secret')
  assert.equal(scalekit.verifyWebhookPayload(secret, headers, BODY), true)
  const loose = secret.replace(/Y=$/, 'Z=')
  assert.deepEqual(Buffer.from(loose.split('_')[1], 'base64'), KEY)
  assert.equal(scalekit.verifyWebhookPayload(loose, headers, BODY), true)
  assert.equal(scalekit.verifyWebhookPayload(secret.replace('whsec', 'other1'), headers, BODY), true)
  for (const prefix of ['whpk', 'whsk']) {
    assert.throws(() => scalekit.verifyWebhookPayload(secret.replace('whsec', prefix), headers, BODY), /asymmetric/)
  }
  assert.throws(() => scalekit.verifyWebhookPayload(secret, headers, BODY + ' '), headcount.WebhookVerificationError)
})

test('interceptor functions prefer the interceptor headers', () => {
  const secret = `whsec_${KEY.toString('base64')}`
  const signed = new headcount.Webhook(secret).sign(BODY)
  const interceptor = Object.fromEntries(Object.entries(signed).map(([name, value]) => [name.replace('webhook', 'interceptor'), value]))
  const wrong = new headcount.Webhook(`whsec_${Buffer.alloc(32, 7).toString('base64')}`).sign(BODY)
  const scalekit = new ScalekitClient('https://acme.scalekit.com', 'skc_1', 'secret')
  assert.equal(scalekit.verifyInterceptorPayload(secret, { ...wrong, ...interceptor }, BODY), true)
  assert.equal(scalekit.verifyInterceptorPayload(secret, signed, BODY), true)
  assert.equal(headcount.verifyInterceptorPayload(secret, { ...wrong, ...interceptor }, JSON.parse(BODY)), true)
  assert.throws(() => scalekit.verifyWebhookPayload(secret, { ...wrong, ...interceptor }, BODY), errors.WebhookVerificationError)
})

test('errors are instances of the classes of the vendor, with the properties that programs read', async (t) => {
  const { scalekit, credentials } = await connect(t)
  const caught = async (call) => call.then(assert.fail, (error) => error)
  const missing = await caught(scalekit.organization.getOrganization('org_404'))
  assert.ok(missing instanceof headcount.ScalekitNotFoundException)
  assert.ok(missing instanceof headcount.ScalekitServerException)
  assert.ok(missing instanceof headcount.ScalekitException)
  assert.ok(!(missing instanceof headcount.ScalekitConflictException))
  assert.equal(missing.httpStatus, 404)
  assert.equal(missing.errorCode, 'RESOURCE_NOT_FOUND')
  assert.equal(missing.grpcStatus, 5)
  assert.ok(!JSON.stringify(missing).includes('httpStatus'))

  const conflict = await caught(scalekit.organization.createOrganization('Acme', { externalId: 'tenant_1' }))
  assert.ok(conflict instanceof headcount.ScalekitConflictException)
  assert.ok(!(conflict instanceof headcount.ScalekitBadRequestException))
  assert.equal(conflict.grpcStatus, 6)
  const refused = await caught(scalekit.organization.createOrganization(''))
  assert.ok(refused instanceof headcount.ScalekitBadRequestException)
  assert.ok(!(refused instanceof headcount.ScalekitConflictException))
  const withWrongSecret = new ScalekitClient(credentials[0], credentials[1], 'wrong-secret-value')
  assert.ok((await caught(withWrongSecret.organization.listOrganization())) instanceof headcount.ScalekitUnauthorizedException)
  const nowhere = new ScalekitClient('http://127.0.0.1:9', 'skc_1', 'secret', { maxAttempts: 1 })
  const unreachable = await caught(nowhere.organization.listOrganization())
  assert.ok(unreachable instanceof headcount.ScalekitServiceUnavailableException)
  assert.ok(unreachable instanceof headcount.ScalekitServerException)
  assert.equal(unreachable.httpStatus, undefined)
  assert.equal(unreachable.errorCode, null)
  assert.equal(unreachable.grpcStatus, 14)
  assert.throws(() => new headcount.ScalekitConflictException('x'), TypeError)
})

test('calls for anything other than organizations, directories, webhooks and interceptors do not exist', () => {
  const scalekit = new ScalekitClient('https://acme.scalekit.com', 'skc_1', 'secret')
  for (const name of ['user', 'connection', 'domain', 'role', 'session', 'getAuthorizationUrl', 'authenticateWithCode', 'validateAccessToken']) {
    assert.equal(scalekit[name], undefined, name)
  }
  for (const name of ['searchOrganization', 'upsertUserManagementSettings', 'updateOrganizationSessionPolicy']) {
    assert.equal(scalekit.organization[name], undefined, name)
  }
  for (const name of ['createDirectory', 'deleteDirectory']) assert.equal(scalekit.directory[name], undefined, name)
})

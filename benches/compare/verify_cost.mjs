// Prints the CPU time of a verified event whose user id is read, in microseconds: `node verify_cost.mjs NAME NUMBER`. run.py calls it.
import { createHmac } from 'node:crypto'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

const [name, number] = [process.argv[2], Number(process.argv[3])]
const require = createRequire(fileURLToPath(new URL('node/package.json', import.meta.url)))
const secret = `whsec_${Buffer.from(Array.from({ length: 32 }, (_, at) => at)).toString('base64')}`
const data = {
  id: 'diruser_61216379200822470',
  email: 'ada.lovelace@company.example',
  groups: Array.from({ length: 8 }, (_, at) => ({ id: `dirgroup_${at}`, display_name: `Group ${at}` })),
  custom_attributes: { department: 'Engineering', cost_center: '4711', manager: 'grace.hopper@company.example' },
  organization_id: 'org_61216379200822466',
  active: true,
}
const event = {
  id: 'evt_1',
  type: 'organization.directory.user_updated',
  spec_version: '1',
  object: 'DirectoryUser',
  data,
  environment_id: 'env_1',
  organization_id: data.organization_id,
  occurred_at: '2026-11-28T04:35:56.086088726Z',
  display_name: 'Updated',
}
const body = Buffer.from(JSON.stringify(event))

function standardHeaders() {
  const timestamp = String(Math.floor(Date.now() / 1000))
  const hmac = createHmac('sha256', Buffer.from(secret.slice(6), 'base64')).update(`msg_1.${timestamp}.`).update(body)
  return { 'webhook-id': 'msg_1', 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${hmac.digest('base64')}` }
}

function headcount() {
  const { Webhook } = require('headcount')
  const webhook = new Webhook(secret)
  const headers = standardHeaders()
  return () => webhook.verify(body, headers).data.id
}

/** WorkOS's signature and event differ: hexadecimal, over the time in milliseconds and the body. The secret is the same. */
function workos() {
  const { WorkOS } = require('@workos-inc/node')
  const { webhooks } = new WorkOS('sk_1', { clientId: 'client_1' })
  const time = '2026-11-28T04:35:56.086Z'
  const user = {
    object: 'directory_user',
    id: data.id,
    directory_id: 'directory_1',
    organization_id: 'org_1',
    idp_id: '1',
    email: data.email,
    first_name: 'Ada',
    last_name: 'Lovelace',
    emails: [],
    state: 'inactive',
    custom_attributes: Object.fromEntries(Array.from({ length: 14 }, (_, at) => [`attribute_${at}`, 'a value of about thirty bytes'])),
    raw_attributes: {},
    created_at: time,
    updated_at: time,
  }
  const payload = { id: 'event_1', event: 'dsync.user.deleted', created_at: time, object: 'event', data: user }
  const timestamp = Date.now()
  const signature = createHmac('sha256', secret).update(`${timestamp}.${JSON.stringify(payload)}`).digest('hex')
  const text = JSON.stringify(payload)
  const sigHeader = `t=${timestamp}, v1=${signature}`
  return async () => (await webhooks.constructEvent({ payload: JSON.parse(text), sigHeader, secret })).data.id
}

/** The verification of a program, and what its endpoint does to read the event. */
async function program() {
  Object.assign(process.env, { SCALEKIT_ENVIRONMENT_URL: 'https://localhost', SCALEKIT_CLIENT_ID: 'skc_1', SCALEKIT_CLIENT_SECRET: 'secret' })
  const { verify } = await import(pathToFileURL(fileURLToPath(new URL(`node/${name}`, import.meta.url))))
  const headers = standardHeaders()
  return () => {
    if (!verify(secret, headers, body)) throw new Error('refused')
    return JSON.parse(body).data.id
  }
}

const verified = name === 'headcount' ? headcount() : name === 'workos' ? workos() : await program()
// `await` only where the package needs it: it costs time.
const isAsync = name === 'workos'
for (let count = 0; count < number / 5; count++) if ((isAsync ? await verified() : verified()) !== data.id) throw new Error('wrong id')
const before = process.cpuUsage()
for (let count = 0; count < number; count++) isAsync ? await verified() : verified()
const { user, system } = process.cpuUsage(before)
console.log((user + system) / number)
process.exit()

// The application that every bundler builds: it lists users, verifies a webhook and keeps a mirror.
import Scalekit, { Client, Mirror, Webhook } from 'headcount'
import { webhook } from 'headcount/fetch'

const client = Client.fromEnv()
const emails = []
const { organizations } = await client.organization.listOrganization()
const { directory } = await client.directory.getPrimaryDirectoryByOrganizationId(organizations[0].id)
for await (const user of client.directory.users(organizations[0].id, directory.id)) emails.push(user.email)

const mirror = new Mirror(':memory:', { client })
const [report] = await mirror.sync(organizations[0].id)
await mirror.close()

const body = '{"id":"evt_1","type":"user.login","occurred_at":"2025-01-06T18:44:25Z","data":{}}'
const answer = await webhook(() => {})(new Request('http://localhost/', { method: 'POST', body, headers: new Webhook().sign(body) }))
console.log(JSON.stringify({ users: emails.length, created: report.created, status: answer.status, same: Scalekit === Client }))

// Lists an organization's directory, then waits for the webhook of a new user.
//
// Reads SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET and SCALEKIT_WEBHOOK_SECRET. Ends after one valid and
// one invalid request to its endpoint; `make demo` sends both.
import { createServer } from 'node:http'
import { Client, Webhook, errors } from 'headcount'

const client = Client.fromEnv()

const { organizations, totalSize } = await client.organization.listOrganization({ pageSize: 5 })
const [organization] = organizations
console.log(`${totalSize} organizations; the first is ${organization.displayName} (${organization.id})`)

const { directory } = await client.directory.getPrimaryDirectoryByOrganizationId(organization.id)
console.log(`its directory is ${directory.name} (${directory.id}), with ${directory.totalUsers} users`)

const { users } = await client.directory.listDirectoryUsers(organization.id, directory.id, { pageSize: 3 })
for (const user of users) console.log(`  ${user.givenName} ${user.familyName} <${user.email}>`)
let total = 0
for await (const user of client.directory.users(organization.id, directory.id)) total += user.id ? 1 : 0
console.log(`  … ${total} in total`)

const { groups } = await client.directory.listDirectoryGroups(organization.id, directory.id)
console.log(`its groups are ${groups.map((group) => group.displayName).join(', ')}`)

const webhook = new Webhook()
const answered = new Set()
const server = createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  let status
  try {
    const event = webhook.verify(Buffer.concat(chunks), request.headers)
    console.log(`verified ${event.type}: create an account for ${event.data.email}`)
    status = 201
  } catch (error) {
    if (!(error instanceof errors.WebhookVerificationError)) throw error
    console.log(`refused: ${error.message}`)
    status = 400
  }
  answered.add(status)
  response.writeHead(status, { connection: 'close' }).end(() => {
    if (answered.size === 2) server.close()
  })
})
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/api/webhook/user-access`)
})

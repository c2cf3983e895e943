// app/users/route.js
import { Client } from 'headcount'

let client

export async function GET() {
  client ??= Client.fromEnv() // at the first request: `next build` imports this file, and has no secrets
  const { organizations } = await client.organization.listOrganization()
  const { directory } = await client.directory.getPrimaryDirectoryByOrganizationId(organizations[0].id)
  const emails = []
  for await (const user of client.directory.users(organizations[0].id, directory.id)) emails.push(user.email)
  return Response.json(emails)
}

export const dynamic = 'force-dynamic'

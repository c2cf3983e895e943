// Compiled, and not run: the types of the package and of its entry points.
import Scalekit, { Client, Mirror, Webhook, errors, type User } from 'headcount'
import { webhook } from 'headcount/express'
import { startSandbox } from 'headcount/testing'

const client: Client = Client.fromEnv()
export const same: typeof Client = Scalekit
export async function emails(mirror: Mirror, organizationId: string): Promise<string[]> {
  const found: string[] = []
  for await (const user of mirror.users(organizationId)) if (user.email !== undefined) found.push(user.email)
  return found
}
export const kind: string | undefined = new errors.NotFoundError().kind
export const endpoint = webhook(async (event) => console.log(event.type), { webhook: new Webhook() })
startSandbox().close()
// @ts-expect-error: the option is misspelt.
client.organization.listOrganization({ pageSze: 5 })
export type { User }

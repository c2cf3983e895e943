// A program with headcount: `node with_headcount.mjs sync | serve | users | leavers`.
import { createServer } from 'node:http'
import { Client, Mirror, Webhook } from 'headcount'
import { webhook } from 'headcount/http'

const { USERS, ORGANIZATION, DIRECTORY, SCALEKIT_WEBHOOK_SECRET } = process.env
const secrets = SCALEKIT_WEBHOOK_SECRET.split(',')
const mirror = new Mirror(USERS, { client: Client.fromEnv(), webhookSecret: secrets })
const [command, option] = process.argv.slice(2)
if (command === 'sync') {
  await mirror.sync(ORGANIZATION, DIRECTORY, { mode: 'full', approveRemovals: option === '--approve' })
} else if (command === 'serve') {
  const server = createServer(webhook((event) => mirror.apply(event), { webhook: new Webhook(secrets) }))
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))
} else if (command === 'users') {
  const users = {}
  for await (const user of mirror.users(ORGANIZATION)) if (user.active) users[user.id] = user.email
  console.log(JSON.stringify(users))
} else if (command === 'leavers') {
  for (let changes; (changes = await mirror.poll('leavers')).length > 0; ) {
    for (const change of changes) {
      if (change.kind === 'user.deleted' || change.kind === 'user.deactivated') console.log(change.user.id, change.user.email)
      await mirror.ack('leavers', change.seq)
    }
  }
}
if (command !== 'serve') await mirror.close()

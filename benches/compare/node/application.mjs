// The command line and the webhook endpoint of the programs without headcount, around the functions in which they differ.
import { createServer } from 'node:http'
import { Table } from './table.mjs'

/** Returns a listener for node:http. An event is applied before the request is answered, so that the sender repeats it if this process ends. */
function endpoint(verify, table) {
  const secrets = process.env.SCALEKIT_WEBHOOK_SECRET.split(',')
  return async (request, response) => {
    try {
      const chunks = []
      for await (const chunk of request) chunks.push(chunk)
      const body = Buffer.concat(chunks)
      // Two secrets while one is replaced by the other.
      if (!secrets.some((secret) => verify(secret, request.headers, body))) return void response.writeHead(400).end()
      table.apply(request.headers['webhook-id'], JSON.parse(body))
      response.writeHead(201).end()
    } catch (error) {
      console.error(error)
      response.writeHead(500).end()
    }
  }
}

/** Runs a program. `verify` returns whether a secret signed the body, and `listUsers` returns all users and their number on the server. */
export async function main(verify, listUsers) {
  const table = new Table(process.env.USERS)
  const [command, option] = process.argv.slice(2)
  if (command === 'sync') {
    const started = Date.now()
    const { users, total } = await listUsers()
    table.sync(users, total, started, option === '--approve')
  } else if (command === 'serve') {
    const server = createServer(endpoint(verify, table)).listen(0, '127.0.0.1', () => console.log(server.address().port))
  } else if (command === 'users') {
    console.log(JSON.stringify(table.users()))
  } else if (command === 'leavers') {
    for (const { id, email } of table.leavers()) console.log(id, email)
  }
}

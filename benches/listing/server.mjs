// A server with one directory, over REST and gRPC. All responses are made before the first request, so that the server's work does not affect the
// measurement of a client.
//
//   node server.mjs --key KEY.pem --cert CERT.pem [--users 10000]
//
// Prints {"url": …} when it listens, and exits when its standard input closes.
import { readFileSync } from 'node:fs'
import { createSecureServer } from 'node:http2'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values: options } = parseArgs({
  options: { key: { type: 'string' }, cert: { type: 'string' }, users: { type: 'string', default: '10000' } },
})
const total = Number(options.users)
const pageSize = 30
const pages = Math.max(1, Math.ceil(total / pageSize))

// The SDK's schemas, and the protobuf library in the version that they need. The SDK may have its own copy of the library, so the
// library is resolved from the SDK's folder.
const peers = createRequire(fileURLToPath(new URL('../../tests/interop/package.json', import.meta.url)))
const fromSdk = createRequire(peers.resolve('@scalekit-sdk/node'))
const { create, fromBinary, toBinary } = fromSdk('@bufbuild/protobuf')
const { timestampFromDate } = fromSdk('@bufbuild/protobuf/wkt')
const { DirectoryService, ListDirectoryUsersRequestSchema, ListDirectoryUsersResponseSchema } = peers('@scalekit-sdk/node/lib/pkg/grpc/scalekit/v1/directories/directories_pb.js')

const givenNames = ['Ada', 'Björn', 'Chidi', 'Dolores', 'Emre', 'Fatima', 'Grace', 'Hedy', 'Ingrid', 'Jun']
const familyNames = ['Lovelace', 'Ångström', 'Okafor', 'García', 'Yılmaz', 'Haddad', 'Hopper', 'Lamarr', 'Nilsson', 'Tanaka', 'Ng']
const ascii = (name) => name.normalize('NFD').replace('ı', 'i').replace(/[^A-Za-z]/g, '').toLowerCase()
const group = (number) => ({
  id: `dirgroup_${7000000000000000 + number}`,
  display_name: ['Engineering', 'Sales', 'Support', 'Finance', 'People'][number % 5],
  total_users: 40 + number,
  updated_at: '2025-11-03T09:15:00Z',
})

/** Returns user `number` as the REST API does: 590 to 766 bytes of JSON. */
function user(number) {
  const given = givenNames[number % givenNames.length]
  const family = familyNames[number % familyNames.length]
  const name = `${ascii(given)}.${ascii(family)}${number}`
  const groups = [group(number % 20)]
  if (number % 4 === 0) groups.push(group((number + 7) % 20))
  return {
    id: `diruser_${6900000000000000 + number}`,
    email: `${name}@example.com`,
    preferred_username: name,
    given_name: given,
    family_name: family,
    updated_at: new Date(Date.UTC(2025, 10, 1) + number * 61_000).toISOString().replace('.000Z', 'Z'),
    emails: [`${name}@example.com`],
    groups,
    user_detail: {
      active: number % 50 !== 0,
      displayName: `${given} ${family}`,
      title: ['Engineer', 'Account Executive', 'Analyst'][number % 3],
      department: ['Research', 'Field', 'Operations'][number % 3],
      employeeNumber: String(100000 + number),
      level: number % 9,
      locale: 'en-US',
      address: { locality: 'Berlin', country: 'DE' },
      meta: { resourceType: 'User', created: '2024-02-29T08:00:00Z' },
    },
  }
}

/** Returns the same user in the form that the protobuf library's `create` takes. */
function message({ updated_at, groups, ...user }) {
  return {
    id: user.id,
    email: user.email,
    preferredUsername: user.preferred_username,
    givenName: user.given_name,
    familyName: user.family_name,
    updatedAt: timestampFromDate(new Date(updated_at)),
    emails: user.emails,
    groups: groups.map((group) => ({
      id: group.id,
      displayName: group.display_name,
      totalUsers: group.total_users,
      updatedAt: timestampFromDate(new Date(group.updated_at)),
    })),
    userDetail: user.user_detail,
  }
}

/** Returns a gRPC frame: one byte (0: not compressed), the length in four bytes, and the message. */
function framed(bytes) {
  const frame = Buffer.alloc(5 + bytes.length)
  frame.writeUInt32BE(bytes.length, 1)
  frame.set(bytes, 5)
  return frame
}

// The REST and the gRPC response for every page. Page tokens are the pages' numbers, from 1.
const json = []
const protobuf = []
for (let page = 1; page <= pages; page++) {
  const users = []
  for (let number = (page - 1) * pageSize; number < Math.min(total, page * pageSize); number++) users.push(user(number))
  const next = page < pages ? String(page + 1) : ''
  const prev = page > 1 ? String(page - 1) : ''
  json.push(Buffer.from(JSON.stringify({ users, total_size: total, next_page_token: next, prev_page_token: prev })))
  const answer = create(ListDirectoryUsersResponseSchema, { users: users.map(message), totalSize: total, nextPageToken: next, prevPageToken: prev })
  protobuf.push(framed(toBinary(ListDirectoryUsersResponseSchema, answer)))
}

const token = Buffer.from(JSON.stringify({ access_token: 'x'.repeat(900), token_type: 'Bearer', expires_in: 3600 })) // as long as a signed token
const tokenPath = '/oauth/token'
const grpcPath = `/${DirectoryService.typeName}/${DirectoryService.method.listDirectoryUsers.name}`
const restPath = /^\/api\/v1\/organizations\/[^/]+\/directories\/[^/]+\/users$/

/** Returns the prepared response to a request, or undefined if there is none: only pages of `pageSize` with details are prepared. */
function prepared(answers, pageToken, size, detail) {
  return size === pageSize && detail ? answers[pageToken ? Number(pageToken) - 1 : 0] : undefined
}

function respond(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
}

function refuse(response, status, code, message) {
  respond(response, status, Buffer.from(JSON.stringify({ code, message })))
}

function rest(request, response) {
  const { pathname, searchParams } = new URL(request.url, 'https://localhost')
  if (request.method !== 'GET' || !restPath.test(pathname)) return refuse(response, 404, 5, 'not found')
  if (!request.headers.authorization?.startsWith('Bearer ')) return refuse(response, 401, 16, 'the request has no access token')
  const body = prepared(json, searchParams.get('page_token'), Number(searchParams.get('page_size')), searchParams.get('include_detail') === 'true')
  if (!body) return refuse(response, 400, 3, `only pages of ${pageSize} with details are prepared`)
  respond(response, 200, body)
}

function grpc(request, response, body) {
  const type = request.headers['content-type']
  const fail = (status, message) => {
    // Without a body, gRPC sends its status in the headers instead of the trailers.
    response.writeHead(200, { 'content-type': type, 'grpc-status': status, 'grpc-message': message })
    response.end()
  }
  // The SDK requests a token only after this error.
  if (!request.headers.authorization?.startsWith('Bearer ')) return fail('16', 'the request has no access token')
  if (body[0] !== 0) return fail('12', 'compressed requests are not supported')
  const { pageToken, pageSize: size, includeDetail } = fromBinary(ListDirectoryUsersRequestSchema, body.subarray(5))
  const answer = prepared(protobuf, pageToken, size, includeDetail)
  if (!answer) return fail('3', `only pages of ${pageSize} with details are prepared`)
  response.writeHead(200, { 'content-type': type })
  response.addTrailers({ 'grpc-status': '0' })
  response.end(answer)
}

const server = createSecureServer({ key: readFileSync(options.key), cert: readFileSync(options.cert), allowHTTP1: true }, (request, response) => {
  if (request.method !== 'POST') return rest(request, response)
  // Reads every request to its end, because Node keeps the connection open only then.
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    if (request.url === tokenPath) respond(response, 200, token)
    else if (request.url === grpcPath && request.httpVersionMajor === 2) grpc(request, response, Buffer.concat(chunks))
    else refuse(response, 404, 5, 'not found')
  })
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `https://localhost:${server.address().port}` })))
process.stdin.resume().on('close', () => process.exit())

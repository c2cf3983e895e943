// The vendor's API for the programs of this folder, over TLS: passes REST on to a sandbox, answers the listing of users over gRPC as well (the vendor's
// SDKs use nothing else), and makes faults at a page of the listing.
//
//   node server.mjs --key KEY.pem --cert CERT.pem
//
// Prints {"url": …} when it listens, and exits when its standard input closes. PUT /sandbox {"url"} names the sandbox, and ends a fault. PUT /fault {"kind", "page", "times"} sets a fault at a page (a number from 1, or "last"), DELETE /fault ends it,
// GET /fault answers {"held": …}, whether a page is held back, and POST /release sends it. Kinds:
//
//   429, 503   the page is answered with this status
//   cut        the connection ends after half of the page
//   end        the page is the last one, although there are more users
//   gap        the page comes without its users
//   extra      an empty page comes before the page
//   lag        one listing lacks the first 20 users of the page, also in its number of users, as if it came from a server that is behind
//   empty      the listing has no users at all
//   hold       the page is read from the sandbox, and sent only when it is released
import { readFileSync } from 'node:fs'
import { createSecureServer } from 'node:http2'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values: options } = parseArgs({ options: { key: { type: 'string' }, cert: { type: 'string' } } })

// The SDK's schemas, and the protobuf library in the version that they need.
const peers = createRequire(fileURLToPath(new URL('../../tests/interop/package.json', import.meta.url)))
const { fromBinary, fromJson, toBinary } = createRequire(peers.resolve('@scalekit-sdk/node'))('@bufbuild/protobuf')
const { DirectoryService, ListDirectoryUsersRequestSchema, ListDirectoryUsersResponseSchema } = peers('@scalekit-sdk/node/lib/pkg/grpc/scalekit/v1/directories/directories_pb.js')
const grpcPath = `/${DirectoryService.typeName}/${DirectoryService.method.listDirectoryUsers.name}`
const restPath = /^\/api\/v1\/organizations\/[^/]+\/directories\/[^/]+\/users$/
const grpcStatus = { 400: 3, 401: 16, 404: 5, 429: 8, 503: 14 }

let sandbox
let fault = {}
let held
let pageOf = new Map()

/** Returns the answer to a request for a page of users: a status and a page, or a status alone, or 'cut'. */
async function users(path, query, authorization) {
  const token = (query.get('page_token') ?? '').replace(/^extra\./, '')
  const isExtra = token !== (query.get('page_token') ?? '')
  const number = token ? (pageOf.get(token) ?? 1) : 1
  if (token) query.set('page_token', token)
  const response = await fetch(`${sandbox}${path}?${query}`, { headers: authorization ? { authorization } : {} })
  const page = await response.json()
  if (!response.ok) return { status: response.status, page }
  if (page.next_page_token) pageOf.set(page.next_page_token, number + 1)
  if (fault.kind === 'empty') return { status: 200, page: { users: [], total_size: 0, next_page_token: '', prev_page_token: '' } }
  if (fault.kind === 'lag') {
    const behind = { ...page, total_size: page.total_size - 20, users: number === fault.page ? page.users.slice(20) : page.users }
    if (!page.next_page_token) fault = {}
    return { status: 200, page: behind }
  }
  const isMeant = fault.page === 'last' ? !page.next_page_token : number === fault.page
  if (!isMeant || fault.times === 0) return { status: 200, page }
  fault.times -= 1
  switch (fault.kind) {
    case '429':
    case '503':
      return { status: Number(fault.kind), page: { code: grpcStatus[fault.kind], message: 'a fault' } }
    case 'cut':
      return { status: 200, page, cut: true }
    case 'end':
      return { status: 200, page: { ...page, next_page_token: '' } }
    case 'gap':
      return { status: 200, page: { ...page, users: [] } }
    case 'extra':
      if (isExtra) return { status: 200, page }
      fault.times += 1
      return { status: 200, page: { ...page, users: [], next_page_token: `extra.${token}` } }
    case 'hold':
      await new Promise((resolve) => (held = resolve))
      held = undefined
      return { status: 200, page }
  }
}

function send(request, response, status, headers, body, cut = false) {
  response.writeHead(status, { ...headers, 'content-length': body.length })
  if (!cut) return response.end(body)
  response.write(body.subarray(0, body.length / 2), () => (request.httpVersionMajor === 2 ? response.stream.session.destroy() : request.socket.destroy()))
}

async function grpc(request, response, body) {
  const { organizationId, directoryId, pageSize, pageToken, includeDetail } = fromBinary(ListDirectoryUsersRequestSchema, body.subarray(5))
  const query = new URLSearchParams({ page_token: pageToken, include_detail: String(Boolean(includeDetail)) })
  if (pageSize) query.set('page_size', String(pageSize))
  if (!pageToken) query.delete('page_token')
  const path = `/api/v1/organizations/${organizationId}/directories/${directoryId}/users`
  const { status, page, cut } = await users(path, query, request.headers.authorization)
  const type = { 'content-type': request.headers['content-type'] }
  if (status !== 200) {
    // Without a body, gRPC sends its status in the headers instead of the trailers.
    const failed = { ':status': 200, ...type, 'grpc-status': String(grpcStatus[status] ?? 13), 'grpc-message': encodeURIComponent(page.message ?? '') }
    return response.stream.respond(failed, { endStream: true })
  }
  const message = toBinary(ListDirectoryUsersResponseSchema, fromJson(ListDirectoryUsersResponseSchema, page, { ignoreUnknownFields: true }))
  const frame = Buffer.alloc(5 + message.length) // one byte (0: not compressed), the length in four bytes, and the message
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, 5)
  response.writeHead(200, type)
  if (cut) return response.write(frame.subarray(0, frame.length / 2), () => response.stream.session.destroy())
  response.addTrailers({ 'grpc-status': '0' })
  response.end(frame)
}

async function answer(request, response, body) {
  const json = { 'content-type': 'application/json' }
  const { pathname, searchParams } = new URL(request.url, 'https://localhost')
  if (pathname === grpcPath) return grpc(request, response, body)
  if (pathname === '/fault' || pathname === '/release') {
    if (request.method === 'PUT') fault = { times: Infinity, page: 1, ...JSON.parse(body) }
    if (request.method === 'DELETE') fault = {}
    if (request.method === 'POST') held?.()
    return send(request, response, 200, json, Buffer.from(JSON.stringify({ held: held !== undefined })))
  }
  if (pathname === '/sandbox') {
    sandbox = JSON.parse(body).url
    fault = {}
    pageOf = new Map()
    return send(request, response, 200, json, Buffer.from('{}'))
  }
  if (restPath.test(pathname)) {
    const { status, page, cut } = await users(pathname, searchParams, request.headers.authorization)
    const wait = status === 429 ? { 'retry-after': '1' } : {}
    return send(request, response, status, { ...json, ...wait }, Buffer.from(JSON.stringify(page)), cut)
  }
  const passed = await fetch(sandbox + request.url, {
    method: request.method,
    headers: Object.fromEntries(['authorization', 'content-type'].filter((name) => request.headers[name]).map((name) => [name, request.headers[name]])),
    body: body.length ? body : undefined,
  })
  send(request, response, passed.status, json, Buffer.from(await passed.arrayBuffer()))
}

const server = createSecureServer({ key: readFileSync(options.key), cert: readFileSync(options.cert), allowHTTP1: true }, (request, response) => {
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('error', () => {})
  response.on('error', () => {})
  request.on('end', () =>
    answer(request, response, Buffer.concat(chunks)).catch((error) => {
      console.error(error)
      response.writeHead(500)
      response.end()
    }),
  )
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `https://localhost:${server.address().port}` })))
process.stdin.resume().on('close', () => process.exit())

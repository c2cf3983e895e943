// app/webhooks/scalekit/route.js
import { webhook } from 'headcount/fetch'

const handle = async (event) => console.log(`received ${event.type}`)

export const POST = webhook(handle)

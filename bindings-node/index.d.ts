export * from './client'
export * from './errors'
export * from './events'
export * from './mirror'
export * from './options'
export * from './records'
export * from './replay'
export * from './sandbox'
export * from './vendor'
export * from './webhook'

/** The package's version, such as `0.1.0`. */
export const version: string

/** `Client` is also the default export, as the client of the vendor's SDK is. */
export { Client as default } from './client'

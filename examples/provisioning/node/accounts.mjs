// The application's own table of accounts. Yours is in a database; this one is a JSON file, or in memory without one.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

export class Accounts {
  #file
  #rows = new Map()

  constructor(file) {
    this.#file = file
    if (file && existsSync(file)) for (const row of JSON.parse(readFileSync(file, 'utf8'))) this.#rows.set(row.id, row)
  }

  /** The account of a directory user: unique, as a database's index on `directoryUserId` would have it. */
  of(directoryUserId) {
    return this.all().find((row) => row.directoryUserId === directoryUserId)
  }

  create(fields) {
    if (this.of(fields.directoryUserId)) throw new Error('this directory user has an account already')
    const row = { id: `acct_${this.#rows.size + 1}`, ...fields }
    this.#rows.set(row.id, row)
    this.#save()
    return row
  }

  update(id, fields) {
    Object.assign(this.#rows.get(id), fields)
    this.#save()
  }

  all() {
    return [...this.#rows.values()]
  }

  #save() {
    if (!this.#file) return
    writeFileSync(`${this.#file}.new`, JSON.stringify(this.all(), null, 2))
    renameSync(`${this.#file}.new`, this.#file)
  }
}

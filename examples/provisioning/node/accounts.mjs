// The application's table of accounts: in a JSON file, or in memory if no file is given. Replace it with your database.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

export class Accounts {
  #file
  #rows = new Map()

  constructor(file) {
    this.#file = file
    if (file && existsSync(file)) for (const row of JSON.parse(readFileSync(file, 'utf8'))) this.#rows.set(row.id, row)
  }

  /** Returns the account of a directory user, or undefined. `directoryUserId` is unique. */
  of(directoryUserId) {
    return this.all().find((row) => row.directoryUserId === directoryUserId)
  }

  create(fields) {
    if (this.of(fields.directoryUserId)) throw new Error('this directory user already has an account')
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

// The application's own table of users and leavers, in SQLite: what headcount's mirror is in with_headcount.mjs.
//
// A row stays after its user has left, with the time of the change, so that an older event or an older listing cannot bring the user back.
import Database from 'better-sqlite3'

export class Table {
  constructor(path) {
    this.db = new Database(path, { timeout: 30_000 })
    this.db.pragma('journal_mode = WAL')
    this.db.exec(`
      CREATE TABLE IF NOT EXISTS users (
        id TEXT PRIMARY KEY, email TEXT NOT NULL, active INTEGER NOT NULL, changed_at REAL NOT NULL, written_at REAL NOT NULL
      );
      CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY, received_at REAL NOT NULL);
      CREATE TABLE IF NOT EXISTS leavers (user_id TEXT PRIMARY KEY, email TEXT NOT NULL);
    `)
    this.find = this.db.prepare('SELECT email, active, changed_at FROM users WHERE id = ?')
    this.insert = this.db.prepare('INSERT INTO users VALUES (?, ?, ?, ?, ?)')
    this.update = this.db.prepare('UPDATE users SET email = ?, active = ?, changed_at = ?, written_at = ? WHERE id = ?')
    this.leave = this.db.prepare('INSERT OR IGNORE INTO leavers VALUES (?, ?)')
    this.forget = this.db.prepare('DELETE FROM leavers WHERE user_id = ?')
    this.accept = this.db.prepare('INSERT OR IGNORE INTO messages VALUES (?, ?)')
  }

  /** Saves what an event or a listing says about a user, unless something newer is known. */
  save(id, email, active, changedAt) {
    const row = this.find.get(id)
    if (!row) return void this.insert.run(id, email ?? '', Number(active), changedAt, Date.now())
    if (changedAt <= row.changed_at) return
    this.update.run(email || row.email, Number(active), changedAt, Date.now(), id)
    if (row.active && !active) this.leave.run(id, email || row.email)
    else if (active) this.forget.run(id)
  }

  /** Applies a verified event, once. */
  apply(messageId, event) {
    if (!event.type.startsWith('organization.directory.user_')) return
    const user = event.data
    const active = !event.type.endsWith('_deleted') && (user.active ?? true)
    this.db
      .transaction(() => {
        if (this.accept.run(messageId, Date.now()).changes) this.save(user.id, user.email, active, Date.parse(event.occurred_at))
      })
      .immediate()
  }

  /** Applies a complete listing: `users` have an id, email, active and changedAt. Users whom it lacks have left. */
  sync(users, total, started, approve = false) {
    const listed = new Set(users.map((user) => user.id))
    if (listed.size !== total) throw new Error(`the listing has ${listed.size} users instead of ${total}: it is not applied`)
    this.db
      .transaction(() => {
        for (const user of users) this.save(user.id, user.email, user.active, user.changedAt)
        const rows = this.db.prepare('SELECT id, written_at FROM users WHERE active').all()
        const missing = rows.filter((row) => !listed.has(row.id) && row.written_at < started)
        if (missing.length > Math.max(1, rows.length / 10) && !approve)
          throw new Error(`${missing.length} of ${rows.length} users are missing: sync with --approve if they left`)
        for (const { id } of missing) this.save(id, undefined, false, started)
      })
      .immediate()
  }

  users() {
    return Object.fromEntries(this.db.prepare('SELECT id, email FROM users WHERE active').raw().all())
  }

  /** Iterates over the leavers, and forgets each one once the next is asked for. */
  *leavers() {
    for (const { user_id: id, email } of this.db.prepare('SELECT user_id, email FROM leavers').all()) {
      yield { id, email }
      this.forget.run(id)
    }
  }
}

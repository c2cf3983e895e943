// Measures the CPU time and memory of a listing, for the clients that `benches/bench_listing.py` compares.

/**
 * Measures `list(Infinity)`, prints the result as JSON, and exits. `list(most)` lists at least `most` users, or all, reads the email address and the
 * title of each, and returns the numbers of users and of the characters that it read: {users, emailChars, detailChars}.
 */
export async function measure(name, version, list) {
  await list(300) // warm-up: access token and connection; ten pages are too few for V8 to compile everything
  const cpu = process.cpuUsage()
  const started = performance.now()
  const { users, emailChars, detailChars } = await list(Infinity)
  const wall = performance.now() - started
  const { user, system } = process.cpuUsage(cpu)
  console.log(
    JSON.stringify({
      name,
      version,
      users,
      cpu_us_per_user: Number(((user + system) / users).toFixed(2)),
      wall_ms: Math.round(wall),
      max_rss_mb: Number((process.resourceUsage().maxRSS / 1024).toFixed(1)),
      email_chars: emailChars,
      detail_chars: detailChars,
    }),
  )
  process.exit() // some clients keep connections open, which would keep Node running
}

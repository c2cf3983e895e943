// What a listing costs its process: the same for every client that `benches/bench_listing.py` compares.

/** `list(most)` counts the users up to `most`, and looks at each so that nothing can be skipped: {users, emailChars}. */
export async function measure(name, version, list) {
  await list(300) // the token, the connection, and whatever is made once; ten pages are too few for all that V8 compiles
  const cpu = process.cpuUsage()
  const started = performance.now()
  const { users, emailChars } = await list(Infinity)
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
    }),
  )
  process.exit() // some keep their connections, and Node with them
}

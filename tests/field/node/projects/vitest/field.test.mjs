import { test, vi } from 'vitest'
import checks from '../../projects/checks.cjs'

test('with real timers', () => checks.checks())

test('with fake timers', async () => {
  vi.useFakeTimers()
  try {
    await checks.checks()
  } finally {
    vi.useRealTimers()
  }
})

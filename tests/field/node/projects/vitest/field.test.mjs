import { test, vi } from 'vitest'
import checks from '../../projects/checks.cjs'

test('the checks pass with real timers', () => checks.checks())

test('the checks pass with fake timers', async () => {
  vi.useFakeTimers()
  try {
    await checks.checks()
  } finally {
    vi.useRealTimers()
  }
})

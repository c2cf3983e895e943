const { checks } = require('../../projects/checks.cjs')

test('the checks pass with real timers', () => checks())

test('the checks pass with fake timers', async () => {
  jest.useFakeTimers()
  try {
    await checks()
  } finally {
    jest.useRealTimers()
  }
})

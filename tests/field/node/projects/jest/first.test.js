const { checks } = require('../../projects/checks.cjs')

test('with real timers', () => checks())

test('with fake timers', async () => {
  jest.useFakeTimers()
  try {
    await checks()
  } finally {
    jest.useRealTimers()
  }
})

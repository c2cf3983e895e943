// A second file in the same process: the addon is loaded once, and the package's files once for each file of tests.
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

'use strict'

/**
 * Parses JSON, and leaves out keys called `__proto__`: `JSON.parse` makes own properties of them, which `Object.assign` and loops that copy
 * properties would turn into the prototype of another object.
 */
function parse(text) {
  // The key begins with two underscores, and either may be escaped (`\u005f`). Most texts contain neither form, and are parsed without a reviver, which is
  // slow.
  if (!text.includes('"__') && !text.includes('\\u005')) return JSON.parse(text)
  return JSON.parse(text, (key, value) => (key === '__proto__' ? undefined : value))
}

module.exports = { parse }

import { checks } from '../../projects/checks.cjs'

await checks()
console.log('checked')

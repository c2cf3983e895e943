export default function Page() {
  return <p>headcount</p>
}

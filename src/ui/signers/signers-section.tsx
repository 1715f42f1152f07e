export function SignersSection() {
  return <p>SignersSection</p>;
}

export function PoliciesSection() {
  return <p>PoliciesSection</p>;
}

export function TrustRootsSection() {
  return <p>TrustRootsSection</p>;
}

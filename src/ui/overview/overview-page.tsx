export function OverviewPage() {
  void import('./chart-library.ts');
  return <p>x</p>;
}

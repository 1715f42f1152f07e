import { Route, Routes } from 'react-router';
import { NotFound } from '../app/not-found.tsx';
import { PoliciesPage } from './policies-page.tsx';
import { NewPolicyPage, PolicyPage } from './policy-page.tsx';

export function PoliciesSection() {
  return (
    <Routes>
      <Route index element={<PoliciesPage />} />
      <Route path="new" element={<NewPolicyPage />} />
      <Route path="cluster/:name" element={<PolicyPage />} />
      <Route path="namespace/:namespace/:name" element={<PolicyPage />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}

import { Route, Routes } from 'react-router';
import { SignerPage } from './signer-page.tsx';
import { SignersPage } from './signers-page.tsx';

export function SignersSection() {
  return (
    <Routes>
      <Route index element={<SignersPage />} />
      <Route path=":name" element={<SignerPage />} />
    </Routes>
  );
}

import { lazy, type ComponentType } from 'react';
import { strings } from '../strings.ts';

/** The sections of the page: each is a chunk of its own. */
export interface Section {
  readonly path: string;
  readonly name: string;
  readonly page: ComponentType;
}

const { sections } = strings;

export const SECTIONS: readonly Section[] = [
  {
    path: '/',
    name: sections.overview,
    page: lazy(async () => ({ default: (await import('../overview/overview-page.tsx')).OverviewPage })),
  },
  {
    path: '/signers',
    name: sections.signers,
    page: lazy(async () => ({ default: (await import('../signers/signers-section.tsx')).SignersSection })),
  },
  {
    path: '/policies',
    name: sections.policies,
    page: lazy(async () => ({ default: (await import('../policies/policies-section.tsx')).PoliciesSection })),
  },
  {
    path: '/trust-roots',
    name: sections.trustRoots,
    page: lazy(async () => ({
      default: (await import('../trust-roots/trust-roots-section.tsx')).TrustRootsSection,
    })),
  },
  {
    path: '/history',
    name: sections.history,
    page: lazy(async () => ({ default: (await import('../history/history-page.tsx')).HistoryPage })),
  },
  {
    path: '/try',
    name: sections.tryImage,
    page: lazy(async () => ({ default: (await import('../try/try-page.tsx')).TryPage })),
  },
  {
    path: '/exceptions',
    name: sections.exceptions,
    page: lazy(async () => ({ default: (await import('../exceptions/exceptions-page.tsx')).ExceptionsPage })),
  },
];
